"""Storing what was trained of a model, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from kpframework import KpError

FILE = "trained.safetensors"


def head_parameters(model: Any, new: Collection[str] = ()) -> list[torch.nn.Parameter]:
    """Return the parameters of a classification head, and those that are new.

    A language model's own head is part of what was pre-trained: it stays, as published.

    Args:
        model: a transformers model.
        new: names of parameters that were drawn at random.
    """
    base = {id(parameter) for parameter in model.base_model.parameters()}
    classifies = model.get_output_embeddings() is None
    return [
        parameter
        for name, parameter in model.named_parameters(remove_duplicate=False)
        if name in new or (classifies and id(parameter) not in base)
    ]


def save_trained(model: Any, folder: Path, elsewhere: Callable[[str], bool] | None = None) -> None:
    """Write every tensor that requires a gradient; no file where there is none.

    Args:
        model: a transformers model.
        folder: made if it is not there.
        elsewhere: whether a parameter is stored elsewhere, by its name.
    """
    tensors = {
        name: parameter.detach().cpu().contiguous()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not (elsewhere and elsewhere(name))
    }
    folder.mkdir(parents=True, exist_ok=True)
    if tensors:
        save_file(tensors, folder / FILE, metadata={"format": "pt"})


def require(folder: Path, *names: str) -> None:
    """Refuse a folder that lacks a file of a stored host.

    Raises:
        KpError: KP651, the first file that is not there.
    """
    for name in names:
        if not (folder / name).is_file():
            raise damaged(folder, f"it has no {name}")


def damaged(folder: Path, what: object) -> KpError:
    """Return the error for a folder that does not hold what was stored, KP651."""
    return KpError(
        "KP651",
        f"the stored host does not load: {what}",
        "take the folder as the run wrote it, or run again to make it anew",
        where=str(folder),
    )


def load_trained(model: Any, folder: Path) -> Any:
    """Put stored tensors into a model.

    Raises:
        KpError: KP651, they are not there, are damaged or are not this model's.
    """
    require(folder, FILE)
    try:
        tensors = load_file(folder / FILE)
    except (OSError, SafetensorError) as error:
        raise damaged(folder, f"{FILE}: {error}") from error
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
