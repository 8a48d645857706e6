"""Linking against gold: precision, recall and F1, with intervals over documents.

Micro-averaged, as in BC5CDR and GERBIL's strong annotation match (Usbeck et al., WWW 2015): a
prediction is right if a gold mention has exactly its span and, for *span and entity*, its entity.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kpframework.run.bootstrap import paired_bootstrap

Floats = npt.NDArray[np.float64]
Span = tuple[int, int]
COUNTS = ("predicted", "gold", "spans", "correct")
"""What is summed over documents: mentions predicted, mentions of the gold that have an entity,
predictions whose span is a gold one's, and those whose entity is its as well."""
OF_TYPES = ("precision", "recall", "f1", "span_recall", "accuracy")
_ALL = ""


@dataclass(frozen=True)
class Truth:
    """A gold mention: any of its entities is right."""

    start: int
    end: int
    entities: frozenset[str]
    types: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Guess:
    """A predicted mention."""

    start: int
    end: int
    entity: str
    types: frozenset[str] = frozenset()


Pair = tuple[Sequence[Truth], Sequence[Guess]]


def evaluate(
    documents: Iterable[Pair], *, resamples: int = 2000, seed: int = 0, types: int = 20
) -> dict[str, Any]:
    """Return the metrics of all documents with their bootstrap intervals, and of each type.

    Linear in the number of mentions. Documents are drawn with replacement; a metric is computed
    from the summed counts of those drawn.

    Args:
        documents: (gold, predicted) mentions of each; of equal gold spans the entities are joined.
        resamples: of the bootstrap.
        seed: equal seeds give equal intervals.
        types: so many types are told, those with the most gold mentions.

    Returns:
        ``counts`` (`COUNTS` and ``documents``), ``metrics`` (each ``mean`` and ``interval``, 95 %;
        empty without a document), and ``types``: the counts and metrics of single types. A mention
        of several types counts in each. Gold mentions and right spans count by the gold's types,
        wrong predictions by their own, so that the precision of spans has no meaning there.
    """
    rows: list[list[int]] = []
    by_type: dict[str, list[int]] = defaultdict(lambda: [0] * len(COUNTS))
    for gold, predicted in documents:
        counted = _counted(gold, predicted)
        rows.append(counted.pop(_ALL, [0] * len(COUNTS)))
        for name, own in counted.items():
            by_type[name] = [a + b for a, b in zip(by_type[name], own, strict=True)]
    statistics = np.array(rows, np.float64).reshape(1, len(rows), len(COUNTS))
    ordered = sorted(by_type.items(), key=lambda item: (-item[1][1], item[0]))
    return {
        "counts": {"documents": len(rows), **_named(statistics.sum((0, 1)))},
        "metrics": paired_bootstrap(statistics, None, scores, resamples=resamples, seed=seed),
        "types": [
            {"type": name, **_named(own), **{k: float(scores(own)[k]) for k in OF_TYPES}}
            for name, own in ordered[:types]
        ],
    }


def scores(counts: npt.ArrayLike) -> dict[str, Floats]:
    """Return the metrics from summed `COUNTS` of shape (..., 4), each of shape (...).

    ``accuracy`` is over linked mentions: of the predictions whose span is right, those whose entity
    is. A quotient of nothing is 0.
    """
    predicted, gold, spans, correct = np.moveaxis(np.asarray(counts, np.float64), -1, 0)
    found: dict[str, Floats] = {}
    for prefix, hits in (("", correct), ("span_", spans)):
        found |= {
            f"{prefix}precision": _share(hits, predicted),
            f"{prefix}recall": _share(hits, gold),
            # The harmonic mean of the two, without a division by 0 where both are.
            f"{prefix}f1": _share(2 * hits, predicted + gold),
        }
    return found | {"accuracy": _share(correct, spans)}


def _share(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _counted(gold: Sequence[Truth], predicted: Sequence[Guess]) -> dict[str, list[int]]:
    """Return `COUNTS` of a document, by type and (under ``""``) of all."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0] * len(COUNTS))

    def count(what: int, types: Iterable[str]) -> None:
        counts[_ALL][what] += 1
        for name in types:
            counts[name][what] += 1

    truths: dict[Span, Truth] = {}
    for own in gold:
        held = truths.get((own.start, own.end), own)
        truths[own.start, own.end] = Truth(
            own.start, own.end, held.entities | own.entities, held.types | own.types
        )
    for truth in truths.values():
        count(1, truth.types)
    guessed: set[Span] = set()
    for guess in predicted:
        span = guess.start, guess.end
        hit = truths.get(span) if span not in guessed else None
        guessed.add(span)
        right = hit is not None and guess.entity in hit.entities
        count(0, hit.types if right and hit else guess.types)
        if hit is not None:
            count(2, hit.types)
        if right and hit is not None:
            count(3, hit.types)
    return counts


def _named(counts: Any) -> Mapping[str, int]:
    return {name: int(value) for name, value in zip(COUNTS, counts, strict=True)}
