"""Encoded inputs to padded tensors, in length buckets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from kpframework.inject.encoding import Encoded

ENTITIES = "kp_entities"
"""Name of the tensor that rides along with ``input_ids``: -1, or which vector a position takes."""
STRIDE = 1 << 40
"""A code is ``source * STRIDE + row``: the plugin, and the row of its entity table."""


@dataclass(frozen=True)
class Batch:
    """One padded batch."""

    inputs: dict[str, torch.Tensor]
    """What the model is called with; includes `ENTITIES` where there is one."""
    targets: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None
    """(rows, columns, token ids) of masked tokens."""

    def to(self, device: torch.device | str) -> Batch:
        """Return the batch on a device."""
        inputs = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        targets = self.targets and tuple(t.to(device) for t in self.targets)
        return Batch(inputs, targets)  # type: ignore[arg-type]  # three tensors stay three


class Collator:
    """Pads encoded inputs; entity ids become codes through the plugins' tables.

    Args:
        tokenizer: decides padding side and which inputs the model expects.
        pad_id: id put at padded positions.
        rows: for each source the function from entity ids to table rows.
    """

    def __init__(
        self,
        tokenizer: Any,
        pad_id: int,
        rows: Sequence[Callable[[Sequence[str]], np.ndarray[Any, np.dtype[np.int64]]]] = (),
    ) -> None:
        self.left = getattr(tokenizer, "padding_side", "right") == "left"
        self.names = set(getattr(tokenizer, "model_input_names", ()))
        self.pad_id = pad_id
        self.rows = rows

    def __call__(self, items: Sequence[Encoded], width: int = 0) -> Batch:
        """Return one batch, padded to its longest input and at least to ``width``."""
        width = max([width, *(len(item.input_ids) for item in items)])
        shift = [width - len(item.input_ids) if self.left else 0 for item in items]
        ids = np.full((len(items), width), self.pad_id, dtype=np.int64)
        mask = np.zeros((len(items), width), dtype=np.int64)
        types = np.zeros((len(items), width), dtype=np.int64)
        for row, (item, start) in enumerate(zip(items, shift, strict=True)):
            span = slice(start, start + len(item.input_ids))
            ids[row, span] = item.input_ids
            mask[row, span] = 1
            types[row, span] = item.token_types
        inputs = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        if "token_type_ids" in self.names:
            inputs["token_type_ids"] = torch.from_numpy(types)
        codes = self._codes(items, shift, width)
        if codes is not None:
            inputs[ENTITIES] = codes
        return Batch(inputs, _targets(items, shift))

    def _codes(
        self, items: Sequence[Encoded], shift: Sequence[int], width: int
    ) -> torch.Tensor | None:
        flat = [
            (row, column + start, source, entity)
            for row, (item, start) in enumerate(zip(items, shift, strict=True))
            for column, source, entity in item.entities
        ]
        if not flat:
            return None
        rows, columns, sources, entities = (np.array(part) for part in zip(*flat, strict=True))
        codes = np.full((len(items), width), -1, dtype=np.int64)
        for source in np.unique(sources):
            own = sources == source
            table_rows = self.rows[source](entities[own].tolist())
            codes[rows[own], columns[own]] = source * STRIDE + table_rows
        return torch.from_numpy(codes)


def _targets(
    items: Sequence[Encoded], shift: Sequence[int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    flat = [
        (row, column + start, token)
        for row, (item, start) in enumerate(zip(items, shift, strict=True))
        for column, token in item.targets
    ]
    if not flat:
        return None
    rows, columns, tokens = torch.tensor(flat, dtype=torch.long).unbind(1)
    return rows, columns, tokens


def sorted_batches(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Yield indices in batches of nearly equal length, longest first; for evaluation."""
    order = np.argsort(-np.asarray(lengths), kind="stable")
    for start in range(0, len(order), size):
        yield order[start : start + size].tolist()


def shuffled_batches(
    lengths: Sequence[int], size: int, seed: int, epoch: int, pool: int = 50
) -> list[list[int]]:
    """Return one epoch's batches: shuffled, then sorted by length within pools of ``pool`` batches.

    A function of its arguments alone, so that a resumed run sees the same order.
    """
    generator = np.random.Generator(np.random.Philox(key=[seed, epoch]))
    order = generator.permutation(len(lengths))
    sizes = np.asarray(lengths)
    batches = []
    for start in range(0, len(order), size * pool):
        part = order[start : start + size * pool]
        part = part[np.argsort(sizes[part], kind="stable")]
        batches += [part[i : i + size].tolist() for i in range(0, len(part), size)]
    return [batches[i] for i in generator.permutation(len(batches))]
