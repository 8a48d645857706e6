"""A run as a run of MLflow."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kp_plugin_trackers.base import ToolTracker, imported
from kp_plugin_trackers.facts import Scalar

_AT_ONCE = {"metrics": 1000, "params": 100, "tags": 100}
"""Most that MLflow's interface takes in one request."""
_STATUS = {"finished": "FINISHED", "failed": "FAILED", "killed": "KILLED"}


class MLflowTracker(ToolTracker):
    """Writes parameters, metrics, tags and artifacts by MLflow's client."""

    tool = "mlflow"

    def start(self, name: str, spec: Mapping[str, Any], params: Mapping[str, str]) -> None:
        """Create the run, in an experiment that is made where it is missing."""
        address = self.config.tracking_uri
        # A run tells nobody outside of it, unless its user says otherwise.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        if "://" not in address:
            # MLflow 3 opens a folder only where it is told that a folder is meant.
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
            address = Path(address).resolve().as_uri()
        imported("mlflow", "mlflow")
        self._entities = imported("mlflow", "mlflow.entities")
        self._client = imported("mlflow", "mlflow.tracking").MlflowClient(tracking_uri=address)
        wanted = self.config.experiment or name
        found = self._client.get_experiment_by_name(wanted)
        experiment = found.experiment_id if found else self._client.create_experiment(wanted)
        run = self._client.create_run(experiment, run_name=name)
        self._run = run.info.run_id
        self._log(params=[self._entities.Param(*own) for own in params.items()])

    def write(self, scalars: Sequence[Scalar]) -> None:
        """Write figures, an epoch as MLflow's step."""
        now = int(time.time() * 1000)
        metric = self._entities.Metric
        self._log(metrics=[metric(own.name, own.value, now, own.at) for own in scalars])

    def close(
        self, status: str, tags: Mapping[str, str], files: Sequence[Path], scalars: Sequence[Scalar]
    ) -> None:
        """Write the rest and set the status."""
        self.write(scalars)
        self._log(tags=[self._entities.RunTag(*own) for own in tags.items()])
        for file in files:
            self._client.log_artifact(self._run, str(file))
        self._client.set_terminated(self._run, _STATUS[status])

    def _log(self, **entities: Sequence[Any]) -> None:
        for kind, all_of_them in entities.items():
            size = _AT_ONCE[kind]
            for first in range(0, len(all_of_them), size):
                self._client.log_batch(
                    self._run, **{kind: all_of_them[first : first + size]}, synchronous=True
                )
