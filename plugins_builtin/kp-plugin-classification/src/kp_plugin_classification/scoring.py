"""Counts and F1 as functions of summed counts, and the threshold that maximises micro-F1."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

UNSEEN = -1
"""Index of the first gold label the model has no output for; the next is -2, and so on downwards.
They are counted and never matched."""


def counts(
    decisions: Sequence[Iterable[int]], targets: Sequence[Iterable[int]], classes: int
) -> npt.NDArray[np.float64]:
    """Return true positives, predicted and gold of every class for every example.

    Args:
        decisions: for each example the label indices decided.
        targets: for each example the gold indices; one from `UNSEEN` downwards has no output.
        classes: number of labels.

    Returns:
        Shape (examples, 3 * (classes + u)): all true positives, then all predicted, then all gold.
        The last u classes of each, at least one, are the gold labels without an output.
    """
    width = classes + max(1, -min((label for gold in targets for label in gold), default=0))
    table = np.zeros((len(targets), 3, width))
    for row, (decided, gold) in enumerate(zip(decisions, targets, strict=True)):
        known = set(gold)
        for label in decided:
            table[row, 1, label] += 1
            table[row, 0, label] += label in known
        for label in gold:
            table[row, 2, label] += 1  # a negative one counts from the end
    return table.reshape(len(targets), 3 * width)


def _split(sums: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], ...]:
    found, predicted, gold = np.split(np.asarray(sums, dtype=np.float64), 3, axis=-1)
    return found, predicted, gold


def _ratio(
    above: npt.NDArray[np.float64], below: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def accuracy(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of gold labels found, for sums of shape (..., 3 * classes)."""
    found, _, gold = _split(sums)
    return _ratio(found.sum(-1), gold.sum(-1))


def micro_f1(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return F1 over all decisions (0 without any) for sums of shape (..., 3 * classes)."""
    found, predicted, gold = _split(sums)
    return _ratio(2 * found.sum(-1), predicted.sum(-1) + gold.sum(-1))


def macro_f1(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the mean F1 of the classes that occur in gold or decisions, as scikit-learn does."""
    found, predicted, gold = _split(sums)
    total = predicted + gold
    return _ratio(_ratio(2 * found, total).sum(-1), (total > 0).sum(-1).astype(np.float64))


def force_best(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the logits with the first best of every row raised to infinity."""
    forced = logits.astype(np.float64)
    if forced.size:
        forced[np.arange(len(forced)), forced.argmax(axis=1)] = np.inf
    return forced


def best_threshold(logits: npt.NDArray[np.float64], targets: Sequence[Iterable[int]]) -> float:
    """Return the threshold whose decisions ``logits >= threshold`` have the highest micro-F1.

    Every cut between two observed logits is tried; of equals the highest wins. It lies midway
    between its two logits, so that rounding in another batch does not move a decision.

    Args:
        logits: shape (examples, classes); infinite ones are decided whatever the threshold.
        targets: for each example the gold indices, unseen ones included.
    """
    gold = np.zeros(logits.shape, dtype=bool)
    total = 0
    for row, labels in enumerate(targets):
        for label in labels:
            total += 1
            if label > UNSEEN:
                gold[row, label] = True
    order = np.argsort(-logits, axis=None, kind="stable")
    values = logits.ravel()[order]
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0
    f1 = 2 * np.cumsum(gold.ravel()[order]) / (np.arange(1, values.size + 1) + total)
    cuts = np.flatnonzero(np.append(values[1:] != values[:-1], True))
    cut = cuts[np.argmax(f1[cuts])]
    if not np.isfinite(values[cut]):
        return float(finite[0] + 1)
    below = values[cut + 1] if cut + 1 < values.size else values[cut]
    return float((values[cut] + below) / 2)
