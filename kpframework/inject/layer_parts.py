"""The parts of a transformer layer, found by shape and interface, not by names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from kpframework.errors import KpError


@dataclass(frozen=True)
class FeedForward:
    """A feed-forward block: into its inner width, an activation function, and back."""

    into: torch.nn.Module
    back: torch.nn.Module
    width: int
    """Inside."""


def feed_forward_of(layer: torch.nn.Module, width: int) -> FeedForward:
    """Return a layer's feed-forward block; adapters beside it are narrower than the layer.

    Args:
        layer: of a host.
        width: of its hidden states.

    Raises:
        KpError: KP719, there is none, or it is gated (two ways in).
    """
    maps = [(module, shape) for module in layer.modules() if (shape := _shape(module))]
    back = [(m, shape) for m, shape in maps if shape[1] == width < shape[0]]
    into = [m for m, shape in maps if back and shape == (width, back[0][1][0])]
    if len(back) != 1 or len(into) != 1:
        raise KpError(
            "KP719",
            f"{type(layer).__name__} has {len(into)} linear maps into and {len(back)} out of a "
            "feed-forward block: one of each is needed",
            "take a host whose feed-forward block is not gated, such as BERT, RoBERTa or GPT-2",
        )
    return FeedForward(into[0], back[0][0], back[0][1][0])


def _shape(module: torch.nn.Module) -> tuple[int, int] | None:
    """Return (inputs, outputs) of a linear map, None for another module."""
    # Not at the head: it takes half a second, and a run that reuses every step needs none.
    from transformers.pytorch_utils import Conv1D

    if isinstance(module, torch.nn.Linear):
        return module.in_features, module.out_features
    if isinstance(module, Conv1D):
        return module.nx, module.nf
    return None


def attention_of(layer: torch.nn.Module) -> torch.nn.Module:
    """Return the module of a layer that calls transformers' attention interface.

    Raises:
        KpError: KP719, there is none, as in DeBERTa, or several.
    """
    found = [m for m in layer.modules() if hasattr(m, "is_causal") and hasattr(m, "config")]
    if len(found) != 1:
        raise KpError(
            "KP719",
            f"{type(layer).__name__} has {len(found)} modules that call transformers' attention "
            "interface: one is needed",
            "take a host such as BERT, RoBERTa, GPT-2 or Llama",
        )
    return found[0]


def attention_shape(module: Any) -> tuple[int, int]:
    """Return (heads, head width) of an attention module's keys and values."""
    config = module.config
    queries = int(config.num_attention_heads)
    heads = int(getattr(config, "num_key_value_heads", None) or queries)
    width = getattr(config, "head_dim", None) or config.hidden_size // queries
    return heads, int(width)


def before(change: Callable[[torch.Tensor], torch.Tensor | None]) -> Any:
    """Return a pre-hook (with keyword arguments) that changes a module's first tensor."""

    def act(
        _module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        name = "" if args else "hidden_states"
        if name and name not in kwargs:
            raise KpError("KP713", f"{type(_module).__name__} was called without hidden states")
        changed = change(kwargs[name] if name else args[0])
        if changed is None:
            return None
        return ((), {**kwargs, name: changed}) if name else ((changed, *args[1:]), kwargs)

    return act
