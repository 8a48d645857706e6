"""Where the test's entities lie in their own space and among the host's words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kpframework.api.records import evenly
from kpframework.api.text import Example
from kpframework.inject.slots import slot_vectors
from kpframework.run.step import JSON

MOST_ENTITIES = 240
"""Entities shown; of more, at even distances."""
WORDS = 160
CLASSES = 5
"""Classes told apart: the most frequent ones."""

Vectors = npt.NDArray[np.float32]


def entity_space(
    row: Any, examples: Sequence[Example], linked: Sequence[Any] | None
) -> Mapping[str, JSON] | None:
    """Return two planar pictures of the entities of a test set, before and after the mapping.

    Each is the projection on its two first principal components; the second shows words of the
    host as well. ``agreement`` is the share of entities whose nearest other one (by cosine) has
    the same answer, among those of the classes told apart, and what chance would give.

    Args:
        row: `kpframework.run.row.Row`.
        examples: of the test.
        linked: their mentions.

    Returns:
        None where there is no vector, nothing is put into the host's input, or an answer is about
        more than one mention.
    """
    knowledge = row.knowledge
    if linked is None or knowledge is None or knowledge.table is None:
        return None
    answers = _answers(row, examples, linked)
    if len(answers) < 3:
        return None
    kept = evenly(list(answers), MOST_ENTITIES)
    after = slot_vectors(row.attachment, "knowledge", kept)
    if after is None:
        return None
    before = knowledge.table.gather(knowledge.table.rows(kept))
    mapped = after.float().cpu().numpy()
    weight: Any = row.attachment.embedding.weight
    words = weight.detach()[list(evenly(range(len(weight)), WORDS))].float().cpu().numpy()
    names = [name for name, _ in Counter(answers[e] for e in kept).most_common(CLASSES)]
    of = np.array([names.index(answers[e]) if answers[e] in names else -1 for e in kept])
    both = _plane(np.concatenate([mapped, words]))
    told = of >= 0
    return {
        "classes": names,
        "of": of.tolist(),
        "before": _plane(before).tolist(),
        "after": both[: len(kept)].tolist(),
        "words": both[len(kept) :].tolist(),
        "agreement": {
            "before": _agreement(before[told], of[told]),
            "after": _agreement(mapped[told], of[told]),
            "chance": _chance(of[told]),
        },
    }


def _answers(row: Any, examples: Sequence[Example], linked: Sequence[Any]) -> dict[str, str]:
    """Return each entity of the test's own mentions with the gold answer it first occurs with."""
    found: dict[str, str] = {}
    for example, segments in zip(examples, linked, strict=True):
        if sum(bool(mention.role) for s in example.segments for mention in s.mentions) != 1:
            return {}
        own = [mention for mention in segments[0] if mention.role]
        for mention in row.knowledge.usable(own):
            answer = row.task.class_of(example) or row.task.show(example.target, example)
            found.setdefault(mention.entity, answer)
    return found


def _plane(vectors: Vectors) -> npt.NDArray[np.float64]:
    """Return the two first principal components, shape (n, 2), the largest coordinate at 1."""
    centred = vectors - vectors.mean(0)
    _, _, axes = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    axes = np.concatenate([axes, np.zeros((2, axes.shape[1]))])[:2]
    # A principal component has no sign of its own.
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])
    flat = centred @ (axes * signs[:, None]).T
    return np.asarray((flat / max(np.abs(flat).max(), 1e-12)).round(4))


def _agreement(vectors: Vectors, of: npt.NDArray[np.int64]) -> float | None:
    if len(of) < 2:
        return None
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    near = unit @ unit.T
    np.fill_diagonal(near, -np.inf)
    return float((of[near.argmax(1)] == of).mean())


def _chance(of: npt.NDArray[np.int64]) -> float | None:
    if len(of) < 2:
        return None
    sizes = np.bincount(of)
    return float((sizes * (sizes - 1)).sum() / (len(of) * (len(of) - 1)))
