"""Checkpoints of a training: safetensors and JSON, written aside and renamed."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

if TYPE_CHECKING:
    from kpframework.train.loop import History


def trainable(module: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Return the parameters that require a gradient, by name."""
    return {n: p for n, p in module.named_parameters() if p.requires_grad}


class Checkpoint:
    """The state of one training, one folder an epoch; the newest complete one counts.

    Args:
        folder: kept over a restart, removed by the caller when the training is done.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(
        self,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        history: History,
        *,
        is_best: bool,
    ) -> None:
        """Write weights, moments and history after an epoch, then drop what is superseded."""
        epoch = len(history.loss)
        target = self.folder / f"epoch-{epoch:05d}"
        temporary = self.folder / f".{target.name}.{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        weights = {n: p.detach().cpu().clone().contiguous() for n, p in parameters.items()}
        save_file(weights, temporary / "weights.safetensors")
        save_file(_moments(parameters, optimizer), temporary / "moments.safetensors")
        if is_best:
            save_file(weights, temporary / "best.safetensors")
        else:
            os.link(self._newest() / "best.safetensors", temporary / "best.safetensors")
        (temporary / "history.json").write_text(json.dumps(asdict(history)), encoding="utf-8")
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
        for old in self.folder.iterdir():
            if old != target:
                shutil.rmtree(old, ignore_errors=True)

    def restore(
        self,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
        history: History,
        device: torch.device,
    ) -> int:
        """Load the newest complete checkpoint in place; return the number of finished epochs."""
        try:
            folder = self._newest()
            weights = load_file(folder / "weights.safetensors")
            moments = load_file(folder / "moments.safetensors")
            stored = json.loads((folder / "history.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, SafetensorError, json.JSONDecodeError):
            return 0
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(weights[name])
        for name, parameter in parameters.items():
            optimizer.state[parameter] = {
                key: moments[f"{name}/{key}"].to("cpu" if key == "step" else device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
        for key, value in stored.items():
            setattr(history, key, value)
        return len(history.loss)

    def best(self, parameters: dict[str, torch.nn.Parameter]) -> None:
        """Load the kept epoch's weights in place."""
        weights = load_file(self._newest() / "best.safetensors")
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(weights[name])

    def _newest(self) -> Path:
        found = sorted(self.folder.glob("epoch-*")) if self.folder.is_dir() else []
        if not found:
            raise FileNotFoundError(self.folder)
        return found[-1]


def _moments(
    parameters: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    state: dict[Any, dict[str, torch.Tensor]] = optimizer.state
    return {
        f"{name}/{key}": torch.as_tensor(value).detach().cpu().clone().contiguous()
        for name, parameter in parameters.items()
        for key, value in state[parameter].items()
    }
