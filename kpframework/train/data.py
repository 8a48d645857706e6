"""Examples with their mentions, encoded for one host, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from kpframework.api.context import Context
from kpframework.api.text import Example, Mention
from kpframework.inject.batch import Batch, Collator, shuffled_batches, sorted_batches
from kpframework.inject.encoding import Encoded, InputEncoder
from kpframework.inject.knowledge import Knowledge, plain
from kpframework.train.loop import fast_fp32

Mentions = Sequence[Sequence[Mention]]
"""For each segment of one example its linked mentions."""


@dataclass(frozen=True)
class EncodedSet:
    """Encoded examples, ready to be batched."""

    items: list[Encoded]
    targets: list[Any]
    collate: Collator

    def batches(self, size: int, seed: int, epoch: int) -> list[list[int]]:
        """Return one epoch's shuffled batches as lists of indices."""
        lengths = [len(item.input_ids) for item in self.items]
        return shuffled_batches(lengths, size, seed, epoch)

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return the padded batch of some examples."""
        return self.collate([self.items[i] for i in indices])

    def first(self, count: int) -> Batch:
        """Return the batch of the first examples, at most ``count``."""
        return self.batch(range(min(count, len(self.items))))

    def with_entities(self) -> EncodedSet:
        """Return the examples that hold an entity: only those give an injector a gradient."""
        keep = [i for i, item in enumerate(self.items) if item.entities]
        return EncodedSet(
            [self.items[i] for i in keep], [self.targets[i] for i in keep], self.collate
        )

    def bare(self) -> EncodedSet:
        """Return the same inputs without their entities."""
        items = [replace(item, entities=[]) for item in self.items]
        return EncodedSet(items, self.targets, self.collate)

    @property
    def truncated(self) -> int:
        """How many examples lost some of their text."""
        return sum(item.dropped > 0 for item in self.items)


def encode_examples(
    tokenizer: Any,
    max_length: int,
    examples: Sequence[Example],
    mentions: Sequence[Mentions] | None = None,
    knowledge: Knowledge | None = None,
) -> EncodedSet:
    """Encode examples with the task's edits, and an injector's where ``knowledge`` is given."""
    encoder = InputEncoder(tokenizer, max_length)
    if knowledge is None or mentions is None:
        inputs = [[plain(segment) for segment in example.segments] for example in examples]
        collate = Collator(tokenizer, encoder.special.pad_id)
    else:
        inputs = [
            [knowledge.edit(s, own) for s, own in zip(example.segments, linked, strict=True)]
            for example, linked in zip(examples, mentions, strict=True)
        ]
        collate = Collator(tokenizer, encoder.special.pad_id, [knowledge.rows])
    return EncodedSet(encoder.encode(inputs), [example.target for example in examples], collate)


def predict(
    model: torch.nn.Module,
    data: EncodedSet,
    context: Context,
    classify: Callable[[Sequence[int]], torch.Tensor] | None = None,
    batch_size: int = 64,
    label: str = "",
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the model's logits for every example, in order: shape (examples, outputs).

    ``classify`` returns the logits of some examples; None calls the model.
    """
    model.eval()
    parts: dict[int, Any] = {}
    lengths = [len(item.input_ids) for item in data.items]
    with (
        context.progress(label or "predicting", len(lengths)) as advance,
        fast_fp32(),
        torch.inference_mode(),
    ):
        for indices in sorted_batches(lengths, batch_size):
            if classify:
                logits = classify(indices)
            else:
                logits = model(**data.batch(indices).to(context.device).inputs).logits
            parts.update(zip(indices, logits.float().cpu().numpy(), strict=True))
            advance(len(indices))
    return np.stack([parts[i] for i in range(len(lengths))])
