"""Paired bootstrap intervals from per-example statistics."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from kpframework.errors import KpError

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
Score = Callable[[Floats], Mapping[str, Floats]]
"""`kpframework.api.Task.score`: sums of shape (..., k) to metrics of shape (...)."""

_CHUNK_BYTES = 64 * 2**20
_PROBED = 4


@dataclass(frozen=True)
class Resampled:
    """A metric of a system, and what it is on each resample."""

    mean: float
    """On the examples and seeds themselves."""
    values: Floats
    """Shape (resamples,). The first k are the same however many there are, and two systems'
    belong together where examples and seeds do: their difference is a paired one."""


def resample(
    stats: npt.ArrayLike,
    score: Score,
    *,
    resamples: int = 2000,
    seed: int = 0,
    mask: npt.ArrayLike | None = None,
    groups: Sequence[str] | None = None,
) -> dict[str, Resampled]:
    """Return each metric of one system with its values on the resamples of `paired_bootstrap`.

    Empty if no example counts. Arguments and errors are those of `paired_bootstrap`.
    """
    systems = _aligned([stats], mask)
    return _resample(systems, score, resamples, seed, _numbered(systems, mask, groups))[0]


def estimate(
    own: Resampled, other: Resampled | None = None, *, confidence: float = 0.95
) -> dict[str, Any]:
    """Return a metric with its interval, and the difference to another system where there is one.

    Of systems with different numbers of resamples, those that both have are compared.

    Returns:
        One value of what `paired_bootstrap` returns.
    """
    levels = [(1 - confidence) / 2, (1 + confidence) / 2]
    summary = _summary(own.mean, own.values, levels)
    if other is not None:
        both = min(len(own.values), len(other.values))
        values = own.values[:both] - other.values[:both]
        difference = _summary(own.mean - other.mean, values, levels)
        low, high = difference["interval"]
        summary["difference"] = difference | {"excludes_zero": low > 0 or high < 0}
    return summary


def draws_digest(
    examples: int, seeds: int, seed: int = 0, groups: Sequence[str] | None = None
) -> str:
    """Return what is equal where the same is drawn, whatever releases of this and of numpy draw."""
    digest = hashlib.sha256()
    if examples:
        numbers = _numbered([np.empty((1, examples, 0))], None, groups)
        for drawn in _Draws(seeds, numbers, seed).take(_PROBED):
            digest.update(np.ascontiguousarray(drawn, "<f8").tobytes())
    return digest.hexdigest()[:16]


def paired_bootstrap(
    stats_a: npt.ArrayLike,
    stats_b: npt.ArrayLike | None,
    score: Score,
    *,
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    mask: npt.ArrayLike | None = None,
    groups: Sequence[str] | None = None,
) -> dict[str, dict[str, Any]]:
    """Return each metric of a system with its interval, and its difference to another system.

    Examples are drawn with replacement, the same for all seeds and both systems; where there are
    several seeds, seeds are drawn as well, the same for both. Examples of a group are drawn
    together (the cluster bootstrap), since they are not independent. A metric is the mean over
    seeds. Intervals are percentiles.

    Args:
        stats_a: shape (seeds, examples, k), what `score` needs summed over examples.
        stats_b: the other system's on the same examples and seeds, or None. One seed stands for
            every seed.
        score: computes metrics from sums.
        resamples: number of resamples.
        confidence: level of the intervals.
        seed: equal seeds give equal intervals.
        mask: shape (examples,), which examples count; None counts all.
        groups: for each example the group it is drawn with, such as its episode; an empty name
            stands for a group of its own. None draws every example alone.

    Returns:
        ``{metric: {"mean": …, "interval": [low, high]}}``, with ``"difference": {"mean": …,
        "interval": …, "excludes_zero": …}`` (the first minus the other) where there is another.
        Empty if no example counts.

    Raises:
        ValueError: the shapes do not fit.
        KpError: ``KP530``, a statistic or a metric is not finite.
    """
    systems = _aligned([stats_a] if stats_b is None else [stats_a, stats_b], mask)
    own, *others = _resample(systems, score, resamples, seed, _numbered(systems, mask, groups))
    return {
        metric: estimate(found, others[0][metric] if others else None, confidence=confidence)
        for metric, found in own.items()
    }


def _resample(
    systems: Sequence[Floats], score: Score, resamples: int, seed: int, groups: Numbers
) -> list[dict[str, Resampled]]:
    seeds, examples, width = systems[0].shape
    if examples == 0:
        return [{} for _ in systems]
    point = [_mean_over_seeds(_scores(score, s.sum(axis=1)[None]), None) for s in systems]
    draws = _Draws(seeds, groups, seed)
    size = max(1, _CHUNK_BYTES // (8 * (2 * examples + 2 * seeds * width)))
    parts: list[list[dict[str, Floats]]] = []
    for start in range(0, resamples, size):
        weights, seed_weights = draws.take(min(size, resamples - start))
        parts.append(
            [
                _mean_over_seeds(_scores(score, _sums(weights, system)), seed_weights)
                for system in systems
            ]
        )
    return [
        {
            metric: Resampled(float(mean[0]), np.concatenate([part[i][metric] for part in parts]))
            for metric, mean in point[i].items()
        }
        for i in range(len(systems))
    ]


def _aligned(systems: list[npt.ArrayLike], mask: npt.ArrayLike | None) -> list[Floats]:
    arrays = [np.asarray(system, dtype=np.float64) for system in systems]
    seeds = max(len(array) for array in arrays)
    for array in arrays:
        if array.ndim != 3 or array.shape[1:] != arrays[0].shape[1:]:
            shapes = ", ".join(str(a.shape) for a in arrays)
            raise ValueError(f"expected equal shapes (seeds, examples, k), not {shapes}")
        if len(array) not in {1, seeds}:
            raise ValueError(f"{len(array)} seeds beside {seeds}")
        if not np.isfinite(array).all():
            raise KpError(
                "KP530",
                "a per-example statistic is not a finite number",
                "this is a defect of the task's statistics(), or of the model's outputs",
            )
    if mask is not None:
        chosen = np.asarray(mask, dtype=bool)
        if chosen.shape != arrays[0].shape[1:2]:
            raise ValueError(f"mask of shape {chosen.shape} for {arrays[0].shape[1]} examples")
        arrays = [array[:, chosen] for array in arrays]
    return [np.broadcast_to(array, (seeds, *array.shape[1:])) for array in arrays]


def _numbered(
    systems: Sequence[Floats], mask: npt.ArrayLike | None, groups: Sequence[str] | None
) -> Numbers:
    """Return for each example that counts the number of its group."""
    examples = systems[0].shape[1]
    if groups is None or not any(groups):
        return np.arange(examples)
    names = np.array([name or f"\0{i}" for i, name in enumerate(groups)])
    if mask is not None:
        names = names[np.asarray(mask, dtype=bool)]
    if len(names) != examples:
        raise ValueError(f"{len(names)} groups for {examples} examples")
    return np.unique(names, return_inverse=True)[1].reshape(-1)


class _Draws:
    """Numbers of times each example, and each seed, is drawn; one stream, in chunks of any size."""

    def __init__(self, seeds: int, groups: Numbers, seed: int) -> None:
        self.seeds, self.groups = seeds, groups
        self._alone = bool(np.array_equal(groups, np.arange(len(groups))))
        self._examples, self._seeds = (
            np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(2)
        )

    def take(self, count: int) -> tuple[Floats, Floats]:
        """Return counts of shape (count, examples), and shares of shape (count, seeds)."""
        drawn = _counts(self._examples, count, int(self.groups.max()) + 1)
        examples = drawn if self._alone else drawn[:, self.groups]
        return examples, _counts(self._seeds, count, self.seeds) / self.seeds


def _counts(generator: np.random.Generator, rows: int, among: int) -> Floats:
    """Return for each row how often each of ``among`` is drawn in as many draws: multinomial."""
    drawn = generator.integers(0, among, size=(rows, among))
    drawn += np.arange(rows)[:, None] * among
    counts = np.bincount(drawn.ravel(), minlength=rows * among)
    return counts.reshape(rows, among).astype(np.float64)


def _sums(weights: Floats, system: Floats) -> Floats:
    """Return weighted sums over examples, shape (resamples, seeds, k)."""
    sums = np.empty((len(weights), len(system), system.shape[2]))
    for index, statistics in enumerate(system):
        sums[:, index] = weights @ statistics
    return sums


def _scores(score: Score, sums: Floats) -> dict[str, Floats]:
    metrics = {name: np.asarray(values, np.float64) for name, values in score(sums).items()}
    for name, values in metrics.items():
        if values.shape != sums.shape[:-1]:
            raise ValueError(f"{name} has shape {values.shape} instead of {sums.shape[:-1]}")
        if not np.isfinite(values).all():
            raise KpError(
                "KP530",
                f"metric {name!r} is not a finite number",
                "the task's score() has to say what a metric is when nothing is counted: often 0",
            )
    return metrics


def _mean_over_seeds(
    metrics: Mapping[str, Floats], seed_weights: Floats | None
) -> dict[str, Floats]:
    if seed_weights is None:
        return {name: values.mean(axis=1) for name, values in metrics.items()}
    return {name: (values * seed_weights).sum(axis=1) for name, values in metrics.items()}


def _summary(mean: float, values: Floats, levels: list[float]) -> dict[str, Any]:
    low, high = np.quantile(values, levels)
    return {"mean": mean, "interval": [float(low), float(high)]}
