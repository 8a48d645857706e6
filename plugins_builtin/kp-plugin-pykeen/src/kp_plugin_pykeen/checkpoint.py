"""Checkpoints of a training: PyKEEN's own are pickles, these are safetensors."""

import os
import time
from pathlib import Path
from typing import Any

import torch
from pykeen.training import TrainingLoop
from pykeen.training.callbacks import TrainingCallback
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

_EVERY = 20.0
_SHARE = 20  # of the time, one part is spent on saving


class Checkpoint(TrainingCallback):
    """Saves a training after an epoch, and puts it back so that it ends in the same bytes.

    Weights, Adam's moments and torch's generators are what a training of PyKEEN's depends on; the
    learning rate follows from the epoch.

    Args:
        folder: kept when the process is killed.
        every: seconds between two saves; more where saving itself takes long.
    """

    def __init__(self, folder: Path, every: float = _EVERY) -> None:
        super().__init__()
        self._path = folder / "training.safetensors"
        self._every = every
        self._due = time.monotonic() + every

    def post_epoch(self, epoch: int, epoch_loss: float, **kwargs: Any) -> None:
        """Save, if it is time."""
        began = time.monotonic()
        if began < self._due:
            return
        tensors = {f"model/{name}": own for name, own in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, own in self.optimizer.state[parameter].items():
                tensors[f"{key}/{name}"] = own
        tensors["generator/cpu"] = torch.get_rng_state()
        if self.model.device.type == "cuda":
            tensors["generator/cuda"] = torch.cuda.get_rng_state(self.model.device)
        copies = {name: own.detach().cpu().clone().contiguous() for name, own in tensors.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(f".{os.getpid()}")
        save_file(copies, aside, {"epoch": str(epoch)})
        aside.replace(self._path)
        now = time.monotonic()
        self._due = now + (max(self._every, _SHARE * (now - began)) if self._every else 0.0)

    def restore(self, loop: TrainingLoop[Any]) -> int:
        """Put a training back to where it was saved, if it was, and return its finished epochs."""
        try:
            with safe_open(str(self._path), framework="pt") as file:
                epoch = int(file.metadata()["epoch"])
                saved = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (FileNotFoundError, SafetensorError):
            return 0
        model, device = loop.model, loop.model.device
        model.load_state_dict({name: saved[f"model/{name}"] for name in model.state_dict()})
        for name, parameter in model.named_parameters():
            state = {
                key: saved[f"{key}/{name}"]
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"{key}/{name}" in saved
            }
            loop.optimizer.state[parameter] = {
                key: own if key == "step" else own.to(device) for key, own in state.items()
            }
        loop.lr_scheduler.step(epoch)
        loop._epoch = epoch  # what PyKEEN's own checkpoint sets, too
        torch.set_rng_state(saved["generator/cpu"])
        if "generator/cuda" in saved:
            torch.cuda.set_rng_state(saved["generator/cuda"], device)
        return epoch

    def remove(self) -> None:
        """Forget what was saved."""
        self._path.unlink(missing_ok=True)
