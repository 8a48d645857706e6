"""Checkpoints of a training: safetensors and JSON, written aside and renamed."""

from __future__ import annotations

import json
import os
import shutil
import time
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


def moving(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Return all that a training may change: also buffers that are saved, such as running means."""
    stored = module.state_dict()
    return {**trainable(module), **{n: b for n, b in module.named_buffers() if n in stored}}


class Checkpoint:
    """The state of one training, one folder a save; the newest complete one counts.

    Args:
        module: what is trained.
        folder: kept over a restart, removed by the caller when the training is done.
        every: seconds between two saves, which is what a killed training repeats. Where saving
            takes long it is done less often: it takes at most a twentieth of the time.
    """

    def __init__(self, module: torch.nn.Module, folder: Path, every: float = 20.0) -> None:
        self.module = module
        self.parameters = trainable(module)
        self.folder = folder
        self.every = every
        self._due = time.monotonic() + every
        self._best: dict[str, torch.Tensor] = {}

    def keep(self) -> None:
        """Take the present weights as the best."""
        self._best = self._copies()

    def best(self) -> None:
        """Load the best weights in place."""
        self._put(self._best)

    def _copies(self) -> dict[str, torch.Tensor]:
        # Looked up anew: a module may put another tensor in a buffer's place.
        moved = moving(self.module)
        return {n: own.detach().cpu().clone().contiguous() for n, own in moved.items()}

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, own in moving(self.module).items():
                own.copy_(values[name])

    def save_if_due(self, optimizer: torch.optim.Optimizer, history: History) -> None:
        """Write weights, moments and history after a step, then drop what is superseded."""
        began = time.monotonic()
        if began < self._due:
            return
        target = self.folder / f"step-{history.steps:08d}"
        temporary = self.folder / f".{target.name}.{os.getpid()}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        save_file(self._copies(), temporary / "weights.safetensors")
        save_file(_moments(self.parameters, optimizer), temporary / "moments.safetensors")
        save_file(self._best, temporary / "best.safetensors")
        (temporary / "history.json").write_text(json.dumps(asdict(history)), encoding="utf-8")
        for path in temporary.iterdir():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(target, ignore_errors=True)
        temporary.rename(target)
        for old in self.folder.iterdir():
            if old != target:
                shutil.rmtree(old, ignore_errors=True)
        now = time.monotonic()
        self._due = now + max(self.every, 20 * (now - began) if self.every else 0.0)

    def restore(
        self, optimizer: torch.optim.Optimizer, history: History, device: torch.device
    ) -> None:
        """Load the newest complete checkpoint in place, if there is one."""
        try:
            folder = self._newest()
            weights = load_file(folder / "weights.safetensors")
            moments = load_file(folder / "moments.safetensors")
            best = load_file(folder / "best.safetensors")
            stored = json.loads((folder / "history.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, SafetensorError, json.JSONDecodeError):
            return
        if weights.keys() != moving(self.module).keys():  # another version's
            return
        self._best = best
        self._put(weights)
        for name, parameter in self.parameters.items():
            if f"{name}/step" not in moments:
                continue  # no gradient has come to it yet
            optimizer.state[parameter] = {
                key: moments[f"{name}/{key}"].to(device)
                for key in ("step", "exp_avg", "exp_avg_sq")
            }
        for key, value in stored.items():
            setattr(history, key, value)

    def _newest(self) -> Path:
        found = sorted(self.folder.glob("step-*")) if self.folder.is_dir() else []
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
