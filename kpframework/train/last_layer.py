"""The last layer's feed-forward block, computed only at the positions that are read.

After its attention a transformer's last layer works on each position alone, so a loss on a few
positions needs its feed-forward block nowhere else. The block is found by its shapes, which is a
guess: whoever uses it first compares with the whole computation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from kpframework.errors import KpError
from kpframework.inject.attachment import host_layers


@dataclass(frozen=True)
class FeedForward:
    """The block's linear maps: into the inner width, and out of it."""

    inner: tuple[torch.nn.Linear, ...]
    """One, or two where the block is gated."""
    outer: torch.nn.Linear

    @contextmanager
    def only_at(self, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
        """Compute the block at these positions of a batch and let it give 0 elsewhere."""
        shape: list[int] = []

        def narrow(_module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> torch.Tensor:
            shape[:] = args[0].shape[:2]
            return args[0][rows, columns]

        def widen(_module: torch.nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
            return output.new_zeros(*shape, output.shape[-1]).index_put((rows, columns), output)

        with ExitStack() as hooks:
            for module in self.inner:
                hooks.callback(module.register_forward_pre_hook(narrow).remove)
            hooks.callback(self.outer.register_forward_hook(widen).remove)
            yield


def find_feed_forward(model: torch.nn.Module) -> FeedForward | None:
    """Return what by its shapes is the feed-forward block of a host's last layer, if anything is."""
    try:
        layer = host_layers(model)[-1]
    except KpError:
        return None
    maps = [module for module in layer.modules() if type(module) is torch.nn.Linear]
    outer = [module for module in maps if module.in_features > module.out_features]
    if len(outer) != 1:
        return None
    narrow, wide = outer[0].out_features, outer[0].in_features
    inner = [m for m in maps if m.in_features == narrow and m.out_features in {wide, 2 * wide}]
    return FeedForward(tuple(inner), outer[0]) if inner else None
