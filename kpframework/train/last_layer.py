"""The last layer, computed only at the positions that are read.

But for the keys and values of its attention, a transformer's last layer works on each position
alone, so a loss on a few positions needs the rest of it nowhere else. Which of its linear maps that
holds for is tried on the host, not read from names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from kpframework.errors import KpError
from kpframework.inject.batch import Batch
from kpframework.inject.handle import host_layers

TOLERANCE = 1e-5
"""Relative difference that rounding may make."""
PROBED = 8
"""Items on which a narrowed last layer is compared with the whole one."""


@dataclass(frozen=True)
class Block:
    """Linear maps with nothing but work on single positions between them."""

    first: tuple[torch.nn.Linear, ...]
    """One, or the two ways into a gated block."""
    last: torch.nn.Linear

    @contextmanager
    def only_at(self, rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
        """Compute the block at these positions of a batch and let it give 0 elsewhere."""
        seen: dict[torch.nn.Module, torch.Size] = {}

        def narrow(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> torch.Tensor:
            if module in seen:
                raise RuntimeError("a layer that is used twice is not the last one alone")
            seen[module] = args[0].shape[:2]
            return args[0][rows, columns]

        def widen(_module: torch.nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor:
            zeros = output.new_zeros(*seen[self.first[0]], output.shape[-1])
            return zeros.index_put((rows, columns), output)

        with ExitStack() as hooks:
            for module in self.first:
                hooks.callback(module.register_forward_pre_hook(narrow).remove)
            hooks.callback(self.last.register_forward_hook(widen).remove)
            yield


@contextmanager
def only_at(blocks: Sequence[Block], rows: torch.Tensor, columns: torch.Tensor) -> Iterator[None]:
    """Compute the blocks at these positions of a batch and let them give 0 elsewhere."""
    with ExitStack() as narrowed:
        for block in blocks:
            narrowed.enter_context(block.only_at(rows, columns))
        yield


def narrowable(
    model: torch.nn.Module, compute: Callable[[Sequence[Block]], torch.Tensor]
) -> list[Block]:
    """Return the blocks of a host's last layer that may be narrowed.

    Args:
        model: the host.
        compute: what is read of the host, with the given blocks narrowed.
    """
    with torch.no_grad():
        whole = compute([])
        kept: list[Block] = []
        for block in _candidates(model):
            try:
                narrowed = compute([*kept, block])
            except (IndexError, RuntimeError):  # a shared layer, or shapes that do not go together
                continue
            error = torch.linalg.vector_norm(narrowed - whole)
            if error <= TOLERANCE * torch.linalg.vector_norm(whole):
                kept.append(block)
    return kept


@dataclass(frozen=True)
class ReadOut:
    """A classifier whose head reads one position of each text, called so that it computes it alone.

    Without blocks it is the model as it is.
    """

    model: Any
    blocks: Sequence[Block] = ()
    position: Callable[[torch.Tensor], torch.Tensor] | None = None
    """From an attention mask to the position of each row that is read."""

    def __call__(self, batch: Batch) -> torch.Tensor:
        """Return the logits of a batch."""
        if self.position is None:
            logits: torch.Tensor = self.model(**batch.inputs).logits
            return logits
        columns = self.position(batch.inputs["attention_mask"])
        with only_at(self.blocks, torch.arange(len(columns), device=columns.device), columns):
            logits = self.model(**batch.inputs).logits
        return logits


def read_out(model: Any, batch: Batch) -> ReadOut:
    """Return a classifier that computes the end of its last layer where its head reads it.

    Args:
        model: in evaluation mode; nothing but its head may act on its last hidden states.
        batch: tells by trial whether the head reads the first or the last position, or more.
    """
    for position in (_first, _last):
        blocks = narrowable(model, lambda kept: ReadOut(model, kept, position)(batch))  # noqa: B023
        if blocks:
            return ReadOut(model, blocks, position)
    return ReadOut(model)


def _first(mask: torch.Tensor) -> torch.Tensor:
    return mask.argmax(1)


def _last(mask: torch.Tensor) -> torch.Tensor:
    return mask.shape[1] - 1 - mask.flip(1).argmax(1)


def _candidates(model: torch.nn.Module) -> list[Block]:
    """Return the feed-forward block, as far as shapes tell, and each other square linear map."""
    try:
        layer = host_layers(model)[-1]
    except KpError:
        return []
    maps = [module for module in layer.modules() if type(module) is torch.nn.Linear]
    square = [Block((m,), m) for m in maps if m.in_features == m.out_features]
    last = [module for module in maps if module.in_features > module.out_features]
    if len(last) != 1:
        return square
    width, inner = last[0].out_features, last[0].in_features
    first = [m for m in maps if m.in_features == width and m.out_features in {inner, 2 * inner}]
    return [Block(tuple(first), last[0]), *square] if first else square
