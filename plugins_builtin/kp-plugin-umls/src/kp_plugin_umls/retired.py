"""Concepts that an earlier release had: those that were merged lead on to what they are now."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kp_plugin_umls.cui import Cuis, CuiSet, Ints
from kp_plugin_umls.layout import Table
from kp_plugin_umls.rrf import RrfReader

_MERGED = "SY"
_MOST_STEPS = 16


class Retired:
    """Redirects of retired concepts, and how many there are of each kind.

    MRCUI's REL says how CUI2, a living concept, relates to the retired CUI1: ``SY`` that CUI1 was
    merged into it, ``RB``, ``RN`` and ``RO`` that it is broader, narrower or otherwise related,
    ``DEL`` that there is none (UMLS Reference Manual, chapter 3, MRCUI.RRF). Only a merge keeps the
    meaning, so only a merge into exactly one concept that is an entity redirects.
    """

    def __init__(self, old: Ints, new: Ints, counts: Mapping[str, int]) -> None:
        self.counts = counts
        order = np.argsort(old, kind="stable")
        self._old, self._new = old[order], new[order]
        back = np.argsort(self._new, kind="stable")
        self._of, self._into = self._new[back], self._old[back]

    @classmethod
    def none(cls) -> "Retired":
        """Return what there is without MRCUI."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), {})

    @classmethod
    def read(cls, table: Table, reader: RrfReader, cuis: Cuis, kept: CuiSet) -> "Retired":
        """Read MRCUI."""
        counts: Counter[str] = Counter()
        pairs = [np.empty((0, 2), np.int64)]
        for batch in reader.batches(table, ("CUI1", "REL", "CUI2"), keys=2):
            kinds = pc.value_counts(batch.column("REL"))
            counts.update({kind["values"]: kind["counts"] for kind in kinds.to_pylist()})
            named = pc.greater(pc.binary_length(batch.column("CUI2")), 0)
            merged = batch.filter(pc.and_(pc.equal(batch.column("REL"), _MERGED), named))
            ends = [cuis.numbers(_whole(merged.column(c))) for c in ("CUI1", "CUI2")]
            pairs.append(np.column_stack(ends))
        rows = np.unique(np.concatenate(pairs), axis=0)  # a merge is listed for each old version
        old, first, times = np.unique(rows[:, 0], return_index=True, return_counts=True)
        new = rows[first, 1]
        living, ambiguous = kept.has(old), times > 1
        new = _followed(old, new, kept)
        inside = kept.has(new)
        good = inside & ~living & ~ambiguous
        return cls(
            old[good],
            new[good],
            {
                "retired_redirected": int(good.sum()),
                "retired_ambiguous": int((ambiguous & ~living).sum()),
                "retired_living": int(living.sum()),
                "retired_into_no_entity": int((~inside & ~living & ~ambiguous).sum()),
                **{f"retired_{k}": n for k, n in sorted(counts.items()) if k != _MERGED},
            },
        )

    def redirect(self, numbers: Ints) -> Ints:
        """Return the numbers, retired concepts replaced by what they were merged into."""
        if not len(self._old):
            return numbers
        found = np.minimum(np.searchsorted(self._old, numbers), len(self._old) - 1)
        return np.where(self._old[found] == numbers, self._new[found], numbers)

    def into(self, number: int) -> list[int]:
        """Return the retired concepts that were merged into one."""
        start, stop = (int(np.searchsorted(self._of, number, side)) for side in ("left", "right"))
        return self._into[start:stop].tolist()


def _followed(old: Ints, new: Ints, kept: CuiSet) -> Ints:
    """Follow merges into what has itself been merged; a circle ends in no entity."""
    for _ in range(_MOST_STEPS):
        if not len(old):
            break
        found = np.minimum(np.searchsorted(old, new), len(old) - 1)
        leads = (old[found] == new) & ~kept.has(new)
        if not leads.any():
            break
        new = np.where(leads, new[found], new)
    return new


def _whole(column: pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
