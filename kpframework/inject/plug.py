"""Building an injector's module for a host and putting it there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from kpframework.api.injector import EntitySpace, Injector
from kpframework.api.randomness import own_generators
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.knowledge import Knowledge, Table

MODULE_FILE = "kp_model.safetensors"


def plug(
    attachment: Attachment,
    name: str,
    injector: Injector,
    table: Table | None,
    state: Mapping[str, torch.Tensor] | None = None,
    seed: int = 0,
) -> Knowledge:
    """Build an injector's module for the attachment's host, fill it, and attach it.

    Args:
        attachment: the host's.
        name: the member's name.
        injector: builds the module and patches the host.
        table: entity vectors; None for an injector that uses none, or has yet to make them (then
            it has no module yet).
        state: trained tensors; None keeps the initial ones, drawn from ``seed``.
        seed: of the initial tensors; the global generators are left as they were.

    Raises:
        KpError: KP716, the trained tensors do not fit this host or these vectors.
    """
    if table is None and injector.makes_entities:
        knowledge = Knowledge(injector, None, None)
        attachment.add(name, knowledge)
        return knowledge
    with own_generators(seed):
        space = EntitySpace(table.dim, table.rms) if table else EntitySpace(0, 1.0)
        module = injector.build(space, attachment.handle(name))
    if module is not None:
        if state is not None:
            _fill(module, state)
        module.to(attachment.embedding.weight.device).eval()  # type: ignore[arg-type]
    knowledge = Knowledge(injector, module, table)
    attachment.add(name, knowledge)
    return knowledge


def _fill(module: torch.nn.Module, state: Mapping[str, torch.Tensor]) -> None:
    try:
        module.load_state_dict(dict(state), strict=True)
    except RuntimeError as error:
        raise KpError(
            "KP716",
            f"the trained tensors do not fit: {' '.join(str(error).split())}",
            "use the host family and the embeddings the plugin was trained with",
        ) from error


def save_module(module: torch.nn.Module | None, folder: Path) -> None:
    """Write a module's tensors; a method that trains nothing writes an empty file."""
    state = {} if module is None else module.state_dict()
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / MODULE_FILE, metadata={"format": "pt"})


def load_state(folder: Path) -> dict[str, torch.Tensor]:
    """Return what `save_module` wrote.

    Raises:
        KpError: KP717, the file is missing or damaged.
    """
    try:
        return load_file(folder / MODULE_FILE)
    except (OSError, SafetensorError) as error:
        raise KpError("KP717", f"{folder / MODULE_FILE}: {error}") from error
