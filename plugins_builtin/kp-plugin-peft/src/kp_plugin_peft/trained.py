"""Storing what was trained of a model, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from kpframework import KpError

FILE = "trained.safetensors"


def head_parameters(model: Any) -> list[torch.nn.Parameter]:
    """Return the parameters that are not the base model's."""
    base = {id(parameter) for parameter in model.base_model.parameters()}
    return [parameter for parameter in model.parameters() if id(parameter) not in base]


def save_trained(model: Any, folder: Path) -> None:
    """Write every tensor that requires a gradient, and the model's configuration."""
    tensors = {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / FILE, metadata={"format": "pt"})
    model.config.save_pretrained(folder)


def load_trained(model: Any, folder: Path) -> Any:
    """Put stored tensors into a model.

    Raises:
        KpError: KP651, they are not this model's.
    """
    tensors = load_file(folder / FILE)
    own = dict(model.named_parameters())
    wrong = [
        name
        for name, tensor in tensors.items()
        if name not in own or own[name].shape != tensor.shape
    ]
    if wrong:
        raise KpError(
            "KP651",
            f"{folder / FILE} holds tensors that the backbone has not: {', '.join(wrong[:3])}",
            "use the backbone the host was made from",
        )
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
    return model
