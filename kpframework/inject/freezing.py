"""Freezing a host, and proving that it stayed frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def fingerprint(model: torch.nn.Module) -> str:
    """Return the SHA-256 of a model's parameters and buffers: names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def freeze(model: torch.nn.Module) -> torch.nn.Module:
    """Stop gradients into a model's weights, for good, and put it in evaluation mode."""
    return model.requires_grad_(False).eval()


@contextmanager
def dropout(model: torch.nn.Module, rate: float | None) -> Iterator[None]:
    """Run a frozen host with dropout at ``rate`` everywhere (None: in evaluation mode).

    Zhang et al. 2023, section 3.2: dropout in the host keeps the mapper from fitting one exact host.
    """
    rates = {m: m.p for m in model.modules() if isinstance(m, torch.nn.Dropout)}
    training = {module: module.training for module in model.modules()}
    if rate is not None:
        model.train()
        for layer in rates:
            layer.p = rate
    else:
        model.eval()
    try:
        yield
    finally:
        for layer, own in rates.items():
            layer.p = own
        for module, was in training.items():
            module.training = was
