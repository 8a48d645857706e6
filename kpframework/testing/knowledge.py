"""A tiny knowledge base, entity vectors and a task over them, made without any plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.api.host import Adaptation
from kpframework.api.kb import Entity, KBProvider, Triple
from kpframework.api.task import Task
from kpframework.api.text import Example, Mention, Segment
from kpframework.testing.project import DIM, ENTITIES, entity_class, entity_name

TEXTS = ("The patient has {} and long fingers.", "A {} is not the capital of France.")
"""Patterns of the texts that mention an entity."""


class TinyKB(KBProvider):
    """The entities ``E0`` to ``E47`` of `kpframework.testing.project`, and the kinds they are of.

    Args:
        without: entities that are left out, with their triples.
    """

    def __init__(self, without: Sequence[str] = ()) -> None:
        super().__init__(None, Context())
        self.without = frozenset(without)

    def entities(self) -> Iterator[Entity]:
        """Yield the entities, named and described."""
        for i in range(ENTITIES):
            name, other = entity_name(i), entity_name((i + 1) % ENTITIES)
            described = f"The {name} has a long {other} and fingers."
            if f"E{i}" not in self.without:
                yield Entity(f"E{i}", name, (f"{name} {name}",), (), ("thing",), described)
        for kind, name in (("K0", "first kind"), ("K1", "second kind")):
            if kind not in self.without:
                yield Entity(kind, name)

    def triples(self) -> Iterator[Triple]:
        """Yield the ring of neighbours, and the kinds."""
        for i in range(ENTITIES):
            for relation, tail in (
                ("near", f"E{(i + 1) % ENTITIES}"),
                ("kind", f"K{entity_class(i)}"),
            ):
                if not {f"E{i}", tail} & self.without:
                    yield Triple(f"E{i}", relation, tail)

    def metadata(self) -> Mapping[str, str]:
        """Return a release and a licence."""
        return {"release": "1", "licence": "CC0-1.0"}


def tiny_vectors() -> tuple[list[str], npt.NDArray[np.float32]]:
    """Return ids and vectors of the entities, as `tiny_project` writes them."""
    vectors = np.random.default_rng(0).standard_normal((ENTITIES, DIM)).astype(np.float32)
    vectors[:, 0] = [2.0 if entity_class(i) else -2.0 for i in range(ENTITIES)]
    return [f"E{i}" for i in range(ENTITIES)], vectors


class TinyTask(Task):
    """Which of two classes a mentioned entity is of; the vectors tell, the words do not."""

    def __init__(self) -> None:
        super().__init__(None, Context())

    @property
    def max_length(self) -> int:
        """Longest input."""
        return 48

    @property
    def labels(self) -> Sequence[str]:
        """The two classes."""
        return ("system", "capital")

    @property
    def metrics(self) -> Sequence[str]:
        """Accuracy alone."""
        return ("accuracy",)

    def examples(self, split: str) -> Iterator[Example]:
        """Yield twelve examples of train, four of dev, four of test."""
        first, last = {"train": (0, 12), "dev": (12, 16), "test": (16, 20)}[split]
        for i in range(first, last):
            segment = mentioning(TEXTS[i % 2], f"E{i}", "mention")
            yield Example(f"{split}-{i}", (segment,), entity_class(i))

    def loss(self, logits: torch.Tensor, targets: Sequence[Any]) -> torch.Tensor:
        """Return the mean cross-entropy."""
        gold = torch.tensor(list(targets), device=logits.device)
        return torch.nn.functional.cross_entropy(logits, gold)

    def decide(
        self, logits: npt.NDArray[np.float32], calibration: Mapping[str, float]
    ) -> Sequence[Any]:
        """Return the index of the higher logit."""
        return [int(best) for best in logits.argmax(1)]

    def statistics(
        self, decisions: Sequence[Any], targets: Sequence[Any]
    ) -> npt.NDArray[np.float64]:
        """Return (right, 1) of each example."""
        pairs = zip(decisions, targets, strict=True)
        return np.array([[float(own == gold), 1.0] for own, gold in pairs]).reshape(-1, 2)

    def score(self, sums: npt.NDArray[np.float64]) -> Mapping[str, npt.NDArray[np.float64]]:
        """Return the share that is right."""
        return {"accuracy": sums[..., 0] / np.maximum(sums[..., 1], 1)}


class TinyAdaptation(Adaptation):
    """Trains all of a host for one epoch."""

    def __init__(self) -> None:
        super().__init__(TrainConfig(epochs=1, batch_size=8), Context())

    def prepare(self, model: Any, new: Any = ()) -> Any:
        """Return the model with a gradient for every parameter."""
        return model.requires_grad_(True)


def mentioning(text: str, entity: str, role: str = "", known: bool = True) -> Segment:
    """Return a text with an entity's name in the place of ``{}``, and that mention.

    Args:
        text: with one ``{}``.
        entity: ``E0`` and so on.
        role: of the mention.
        known: whether the mention has the entity's id.
    """
    name, start = entity_name(int(entity[1:])), text.index("{}")
    mention = Mention(start, start + len(name), entity if known else "", role=role)
    return Segment(text.format(name), (mention,))
