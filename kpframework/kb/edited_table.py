"""An entity table with vectors put over it in memory; the mapped file is never written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kpframework.kb.merged_ids import MergedIds
from kpframework.kb.table import EntityTable, Floats, write_rows


class EditedTable:
    """A table seen with its edits: rows of the base keep their numbers, new ones come after them.

    A number is never used twice, nor forgotten: a batch that was encoded before an edit is answered
    as it was encoded. `rms` stays the base's, which is the scale the mapper was trained with.

    Args:
        base: the table on disk.
        rows: the row of each entity that was given a vector.
        removed: ids of the base that have no vector any more.
        drawn: the vectors of the new rows, in the base's precision; only ever appended to.
    """

    def __init__(
        self,
        base: EntityTable,
        rows: Mapping[str, int],
        removed: frozenset[str],
        drawn: Sequence[Floats],
    ) -> None:
        self.base = base
        self.put = dict(rows)
        self.removed = removed
        self._drawn = drawn

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return self.base.dim

    @property
    def rms(self) -> float:
        """Root mean square of all components of the base."""
        return self.base.rms

    @property
    def dtype(self) -> str:
        """``float32`` or ``float16``, as stored; new rows are rounded to it."""
        return self.base.dtype

    @property
    def metrics(self) -> Mapping[str, float]:
        """Quality of the base, as the embeddings component measured it."""
        return self.base.metrics

    @property
    def folder(self) -> Path:
        """Where the base lies."""
        return self.base.folder

    @cached_property
    def ids(self) -> MergedIds:
        """Ids of the entities that have a vector, sorted; not in the order of the rows."""
        new = [entity for entity in self.put if self.base.row(entity) < 0]
        return MergedIds(self.base.ids, new, self.removed)

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, entity: str) -> int:
        """Return the row of an entity, -1 if it has no vector."""
        return int(self.rows([entity])[0])

    def rows(self, entities: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each entity, -1 where it has no vector."""
        found = self.base.rows(entities)
        for position, entity in enumerate(entities):
            if entity in self.put:
                found[position] = self.put[entity]
            elif entity in self.removed:
                found[position] = -1
        return found

    def gather(self, rows: npt.NDArray[np.int64] | Sequence[int]) -> npt.NDArray[np.float32]:
        """Return float32 vectors of shape (rows, dim), a copy.

        Raises:
            IndexError: a row is negative or was never given.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        own = wanted >= len(self.base)
        if not own.any():
            return self.base.gather(wanted)
        found = np.empty((len(wanted), self.dim), dtype=np.float32)
        found[~own] = self.base.gather(wanted[~own])
        found[own] = [self._drawn[row] for row in (wanted[own] - len(self.base)).tolist()]
        return found

    def write(self, folder: Path) -> EntityTable:
        """Write an ordinary table of the edited content, with the base's `rms` and `metrics`."""
        dtype: np.dtype[Any] = np.dtype(self.dtype)

        def part(start: int, stop: int) -> Floats:
            # Halves that became single precision become the same halves again.
            chunk: Floats = self.gather(self.rows(self.ids[start:stop])).astype(dtype)
            return chunk

        return write_rows(
            folder,
            self.ids,
            dtype=dtype,
            dim=self.dim,
            part=part,
            metrics=self.metrics,
            rms=self.rms,
        )
