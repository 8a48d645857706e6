"""Examples with their mentions, encoded for one host, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from kpframework.api.context import Context
from kpframework.api.task import Task
from kpframework.api.text import Example, Mention
from kpframework.errors import KpError
from kpframework.inject.batch import Batch, Collator, shuffled_batches, sorted_batches
from kpframework.inject.encoding import Encoded, InputEncoder
from kpframework.inject.knowledge import Knowledge, plain
from kpframework.train.loop import fast_fp32
from kpframework.train.reading import reading
from kpframework.train.tally import Tally

PART = 64
"""Inputs that are computed at once, in training too where examples have several."""

Mentions = Sequence[Sequence[Mention]]
"""For each segment of one example its linked mentions."""


@dataclass(frozen=True)
class EncodedSet:
    """Encoded examples, ready to be batched."""

    items: list[Encoded]
    """The inputs, those of an example one after the other."""
    targets: list[Any]
    collate: Collator
    each: int = 1
    """Inputs an example."""
    tally: Tally | None = None
    """What became of the corpus that the inputs are made of."""

    @property
    def lengths(self) -> list[int]:
        """Tokens of each example's longest input."""
        own = [len(item.input_ids) for item in self.items]
        return own if self.each == 1 else [max(own[i : i + self.each]) for i in self._starts]

    @property
    def _starts(self) -> range:
        return range(0, len(self.items), self.each)

    def batches(self, size: int, seed: int, epoch: int) -> list[list[int]]:
        """Return one epoch's shuffled batches as lists of indices of examples."""
        return shuffled_batches(self.lengths, size, seed, epoch)

    def parts(self, indices: Sequence[int]) -> list[tuple[Sequence[int], float]]:
        """Divide examples into parts of at most `PART` inputs, each with its share of examples."""
        size = max(1, PART // self.each)
        own = [indices[i : i + size] for i in range(0, len(indices), size)]
        return [(part, len(part) / len(indices)) for part in own]

    def batch(self, indices: Sequence[int]) -> Batch:
        """Return the padded batch of some examples' inputs."""
        own = range(self.each)
        return self.collate([self.items[i * self.each + k] for i in indices for k in own])

    def grouped(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return what was read of inputs by example: `Task` names the shapes."""
        if self.each == 1:
            return outputs
        return outputs.reshape(-1, self.each, *outputs.shape[1:])

    def first(self, count: int) -> Batch:
        """Return the batch of the first examples, at most ``count`` inputs if one has fewer."""
        return self.batch(range(min(max(1, count // self.each), len(self.targets))))

    def with_entities(self) -> EncodedSet:
        """Return the examples that hold an entity: only those give an injector a gradient."""
        inputs = [self.items[i : i + self.each] for i in self._starts]
        keep = [i for i, own in enumerate(inputs) if any(item.entities for item in own)]
        return replace(
            self,
            items=[item for i in keep for item in inputs[i]],
            targets=[self.targets[i] for i in keep],
        )

    def bare(self) -> EncodedSet:
        """Return the same inputs without their entities."""
        return replace(self, items=[replace(item, entities=[]) for item in self.items])


def encode_examples(
    tokenizer: Any,
    max_length: int,
    examples: Sequence[Example],
    mentions: Sequence[Mentions] | None = None,
    knowledge: Knowledge | None = None,
    causal: bool = False,
) -> EncodedSet:
    """Encode examples with the task's edits, and an injector's where ``knowledge`` is given.

    Raises:
        KpError: KP743, the examples have different numbers of inputs.
    """
    encoder = InputEncoder(tokenizer, max_length, causal)
    if knowledge is None or mentions is None:
        edited = [[plain(segment) for segment in example.segments] for example in examples]
        collate = Collator(tokenizer, encoder.special.pad_id)
    else:
        edited = [
            [knowledge.edit(s, own) for s, own in zip(example.segments, linked, strict=True)]
            for example, linked in zip(examples, mentions, strict=True)
        ]
        collate = Collator(tokenizer, encoder.special.pad_id, [knowledge.rows])
    counts = {len(example.inputs) or 1 for example in examples} or {1}
    if len(counts) > 1:
        raise KpError(
            "KP743",
            f"examples of one split have {min(counts)} to {max(counts)} inputs",
            "the task has to give every example of a split as many",
        )
    inputs = [
        [segments[i] for i in own]
        for example, segments in zip(examples, edited, strict=True)
        for own in example.inputs or (range(len(segments)),)
    ]
    targets = [example.target for example in examples]
    return EncodedSet(encoder.encode(inputs), targets, collate, counts.pop())


def predict(
    model: torch.nn.Module,
    data: EncodedSet,
    task: Task,
    context: Context,
    classify: Callable[[Sequence[int]], torch.Tensor] | None = None,
    batch_size: int = PART,
    label: str = "",
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return what a task reads of every example, in order (`Task` names the shapes).

    ``classify`` returns it of some examples; None computes it.
    """
    model.eval()
    read = reading(model, task)
    found: np.ndarray[Any, np.dtype[np.float32]] | None = None
    lengths = data.lengths
    with (
        context.progress(label or "predicting", len(lengths)) as advance,
        fast_fp32(),
        torch.inference_mode(),
    ):
        for indices in sorted_batches(lengths, max(1, batch_size // data.each)):
            if classify:
                logits = classify(indices)
            else:
                logits = data.grouped(read(data.batch(indices).to(context.device)))
            own = logits.float().cpu().numpy()
            if np.isnan(own).any():
                raise KpError(
                    "KP746",
                    "the model's answers are not numbers (NaN)",
                    "look at the weights of the host, and at what was plugged into it",
                )
            if found is None:  # a language model's outputs are many: they are held once
                found = np.empty((len(lengths), *own.shape[1:]), dtype=np.float32)
            found[list(indices)] = own
            advance(len(indices))
    if found is None:
        raise KpError(
            "KP744", "there is no example to answer", "give the task's dev and test files examples"
        )
    return found
