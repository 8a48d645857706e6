"""Sorted ids with some put in and some taken out, without copying those that stay."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np
import numpy.typing as npt

from kpframework.kb.ids import SortedIds


class MergedIds(Sequence[str]):
    """Distinct strings in sorted order, as `SortedIds`: a base, less some, and some more.

    Time and memory of a look-up grow with the changes, not with the base.

    Args:
        base: stays as it is.
        added: ids that the base does not have.
        removed: ids that it has.
    """

    def __init__(self, base: SortedIds, added: Iterable[str], removed: Iterable[str]) -> None:
        self._base = base
        self._added = sorted(added)
        self._gone = np.sort(base.rows(list(removed)))
        # Where in the base each added id would stand, and the place that makes in the merged order.
        self._at = np.array([_place(base, text) for text in self._added], dtype=np.int64)
        before = self._at - np.searchsorted(self._gone, self._at)
        self._places = before + np.arange(len(self._added))

    def from_base(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return where the base's rows stand now, -1 for one that is gone."""
        less = np.searchsorted(self._gone, rows)
        more = np.searchsorted(self._at, rows, side="right")
        gone = np.zeros(len(rows), dtype=bool)
        if len(self._gone):
            gone = self._gone[np.minimum(less, len(self._gone) - 1)] == rows
        return np.where(gone, -1, rows - less + more)

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the position of each id, -1 where there is none."""
        found = self._base.rows(ids)
        known = found >= 0
        found[known] = self.from_base(found[known])
        for position in np.flatnonzero(~known).tolist() if self._added else ():
            at = bisect_left(self._added, ids[position])
            if at < len(self._added) and self._added[at] == ids[position]:
                found[position] = self._places[at]
        return found

    def row(self, text: str) -> int:
        """Return the position of one id, -1 if there is none."""
        return int(self.rows([text])[0])

    def __len__(self) -> int:
        return len(self._base) - len(self._gone) + len(self._added)

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self.row(text) >= 0

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError(index)
        own = int(np.searchsorted(self._places, at))
        if own < len(self._added) and self._places[own] == at:
            return self._added[own]
        kept = at - own  # how many of the base's that stay come before it
        less = int(np.searchsorted(self._gone - np.arange(len(self._gone)), kept, side="right"))
        return self._base[kept + less]


def _place(base: SortedIds, text: str) -> int:
    """Return how many of the base's ids come before a text."""
    low, high = 0, len(base)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if base[middle] < text else (low, middle)
    return low
