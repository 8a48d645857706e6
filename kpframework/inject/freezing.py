"""Freezing a host, and proving that it stayed frozen."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from kpframework.errors import KpError


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
    """Run a frozen host with dropout at ``rate`` wherever it can drop (None: in evaluation mode).

    That is in every `torch.nn.Dropout`, and in every module that keeps a rate as a number, such as
    ``attention_dropout``, the only one of Llama's kind. Zhang et al. 2023, section 3.2: dropout in
    the host keeps the mapper from fitting one exact host.

    Raises:
        KpError: KP747, the host has neither.
    """
    numbers = [] if rate is None else list(_numbers(model))
    rates = {m: float(m.p) for m in model.modules() if isinstance(m, torch.nn.Dropout)}
    if rate and not rates and not numbers:
        raise KpError(
            "KP747",
            f"{type(model).__name__} has no dropout whose rate could be {rate}",
            "train without it: dropout null",
        )
    training = {module: module.training for module in model.modules()}
    model.train(rate is not None)
    with ExitStack() as hooks:
        if rate is not None:
            for layer in rates:
                # Fused attention reads `p` and never calls the layer; elsewhere the hook drops.
                layer.p, layer.training = rate, False
                hooks.callback(layer.register_forward_hook(_drop).remove)
            for module, name, own in numbers:
                setattr(module, name, rate)
                hooks.callback(setattr, module, name, own)
        try:
            yield
        finally:
            for layer, own in rates.items():
                layer.p = own
            for module, was in training.items():
                module.training = was


def _numbers(model: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, str, float]]:
    """Yield (module, attribute, rate) of each rate that a module keeps as a number."""
    for module in model.modules():
        if not isinstance(module, torch.nn.modules.dropout._DropoutNd):
            for name, value in vars(module).items():
                if name.endswith("dropout") and type(value) in (int, float):
                    yield module, name, value


def _drop(layer: torch.nn.Module, _args: Any, tensor: torch.Tensor) -> torch.Tensor:
    """Drop what passed a `torch.nn.Dropout`, by 16 random bits an element.

    On a CPU, torch draws a Bernoulli number for each, which takes a tenth of a training step.
    """
    rate = float(layer.p)  # type: ignore[arg-type]
    if tensor.device.type != "cpu":
        return torch.nn.functional.dropout(tensor, rate)
    count = tensor.numel()
    words = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(1 << 63), None)
    bits = words.view(torch.int16)[:count].view(tensor.shape)
    kept = bits >= min(round(rate * (1 << 16)), (1 << 16) - 1) - (1 << 15)
    return tensor * kept.to(tensor.dtype).div_(1 - rate)
