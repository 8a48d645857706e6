"""A run as event files of TensorBoard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kp_plugin_trackers.base import ToolTracker, imported
from kp_plugin_trackers.facts import Scalar


class TensorBoardTracker(ToolTracker):
    """Writes figures as scalars; parameters, tags, status and the files' places as texts."""

    tool = "tensorboard"

    def start(self, name: str, spec: Mapping[str, Any], params: Mapping[str, str]) -> None:
        """Open an event file in a folder of this run's own."""
        module = imported("tensorboard", "torch.utils.tensorboard", "tensorboardX")
        given = self.config.log_dir
        above = self.folder / "tensorboard" if given is None else Path(given)
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
        self._writer = module.SummaryWriter(str(above / f"{name}-{moment}"))
        self._table("params", params)

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Write figures, an epoch as TensorBoard's step."""
        for own in scalars:
            self._writer.add_scalar(own.name, own.value, own.at)
        self._writer.flush()

    def close(
        self, status: str, tags: Mapping[str, str], files: Sequence[Path], scalars: Sequence[Scalar]
    ) -> None:
        """Write the rest and close the file."""
        self.write(scalars)
        self._table("tags", {**tags, "status": status})
        self._table("artifacts", {file.name: str(file.resolve()) for file in files})
        self._writer.close()

    def _table(self, name: str, content: Mapping[str, str]) -> None:
        # As code, so that no text of a knowledge base or a spec is read as Markdown.
        lines = json.dumps(content, indent=1, ensure_ascii=False).splitlines()
        self._writer.add_text(name, "\n".join(f"    {line}" for line in lines))
