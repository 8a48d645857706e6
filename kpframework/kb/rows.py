"""Rows of integers in order, in bounded memory: sorted runs on disk, merged by ranges of values."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_RUN = 1 << 20


class RowSorter:
    """Sorts rows of integers and drops repeated ones.

    About ``2 * _RUN`` rows are in memory, and the rows that share one value of the first column;
    the others are in ``folder``, which is the caller's to remove.

    Args:
        folder: where sorted runs are kept.
        name: tells the runs of several sorters in one folder apart.
        width: columns of a row.
    """

    def __init__(self, folder: Path, name: str, width: int) -> None:
        self.given = 0
        """Rows that were added, repeated ones included."""
        self._folder = folder
        self._name = name
        self._width = width
        self._pending: list[Ints] = []
        self._waiting = 0
        self._runs: list[Path] = []

    def add(self, rows: Ints) -> None:
        """Take rows, shape (n, width)."""
        self._pending.append(rows)
        self._waiting += len(rows)
        self.given += len(rows)
        if self._waiting >= _RUN:
            path = self._folder / f"{self._name}-{len(self._runs)}.npy"
            # By column, so that a column of the mapped file is contiguous and can be searched.
            np.save(path, np.ascontiguousarray(self._drain().T))
            self._runs.append(path)

    def chunks(self) -> Iterator[Ints]:
        """Yield the distinct rows in order, in chunks whose bounds depend on how rows came."""
        last = self._drain()
        runs: list[Ints] = [np.load(path, mmap_mode="r", allow_pickle=False) for path in self._runs]
        if not runs:
            yield last
            return
        runs.append(np.ascontiguousarray(last.T))
        starts = [0] * len(runs)
        for bound in [*_bounds(runs), None]:
            stops = [
                run.shape[1] if bound is None else int(np.searchsorted(run[0], bound))
                for run in runs
            ]
            parts = [run[:, a:b].T for run, a, b in zip(runs, starts, stops, strict=True) if a < b]
            starts = stops
            if parts:
                yield _distinct(np.concatenate(parts))

    def _drain(self) -> Ints:
        pending, self._pending, self._waiting = self._pending, [], 0
        return _distinct(np.concatenate([np.empty((0, self._width), np.int64), *pending]))


def even(chunks: Iterator[Ints], size: int) -> Iterator[Ints]:
    """Yield the same rows in chunks of ``size``, the last one shorter."""
    held: list[Ints] = []
    count = 0
    for chunk in chunks:
        held.append(chunk)
        count += len(chunk)
        if count >= size:
            rows = np.concatenate(held)
            whole = count - count % size
            for start in range(0, whole, size):
                yield rows[start : start + size]
            held, count = [rows[whole:].copy()], count - whole
    if count:
        yield np.concatenate(held)


def _bounds(runs: list[Ints]) -> Ints:
    """Return values of the first column between which there are about ``_RUN`` rows of all runs.

    Each sampled value stands for ``step`` rows of its run, so between two bounds there are at most
    ``2 * len(runs) * step`` rows, those equal to a bound aside.
    """
    step = max(1, _RUN // (2 * len(runs)))
    samples = np.sort(np.concatenate([run[0, ::step] for run in runs]))
    return np.unique(samples[len(runs) :: len(runs)])


def _distinct(rows: Ints) -> Ints:
    """Return the distinct rows, sorted from the first column to the last."""
    ordered = rows[np.lexsort(rows.T[::-1])]
    keep = np.ones(len(ordered), dtype=bool)
    keep[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return ordered if keep.all() else ordered[keep]
