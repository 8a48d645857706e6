"""A run as a run of Weights & Biases."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kp_plugin_trackers.base import ToolTracker, imported
from kp_plugin_trackers.facts import Scalar


class WandbTracker(ToolTracker):
    """Writes parameters as config, figures as history and summary, tags as config, files."""

    tool = "wandb"

    def start(self, name: str, spec: Mapping[str, Any], params: Mapping[str, str]) -> None:
        """Begin the run, online only where a key is set or the options say so."""
        wandb = imported("wandb", "wandb")
        mode = self.config.mode
        if mode == "auto":
            mode = "online" if os.environ.get("WANDB_API_KEY") else "offline"
        folder = self.folder if self.config.folder is None else Path(self.config.folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._wandb = wandb
        self._run = wandb.init(
            project=self.config.project or name,
            entity=self.config.entity,
            group=self.config.group,
            name=name,
            mode=mode,
            dir=str(folder),
            config=dict(params),
            settings=wandb.Settings(
                silent=True, console="off", disable_git=True, init_timeout=self.config.timeout
            ),
        )
        self._run.define_metric("epoch", hidden=True)
        self._run.define_metric("curves/*", step_metric="epoch")

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Write curves as history by epoch, and single figures into the summary."""
        for epoch in sorted({own.at for own in scalars} - {0}):
            self._run.log({"epoch": epoch, **{s.name: s.value for s in scalars if s.at == epoch}})
        for own in scalars:
            if own.at == 0:
                self._run.summary[own.name] = own.value

    def close(
        self, status: str, tags: Mapping[str, str], files: Sequence[Path], scalars: Sequence[Scalar]
    ) -> None:
        """Write the rest and end the run."""
        self.write(scalars)
        self._run.config.update({f"tags/{name}": value for name, value in tags.items()})
        self._run.summary["status"] = status
        if files:
            artifact = self._wandb.Artifact(f"run-{self._run.id}", type="kpframework-run")
            for file in files:
                artifact.add_file(str(file))
            self._run.log_artifact(artifact)
        self._run.finish(exit_code=0 if status == "finished" else 1)
