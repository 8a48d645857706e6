"""What is plugged in: an injector, its trained module, entity vectors and a linker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from kpframework.api.injector import Injector
from kpframework.api.text import Mention, Segment
from kpframework.inject.encoding import EditedSegment, SourcedEdit


class Table(Protocol):
    """Entity vectors by row, as `kpframework.kb.table.EntityTable` gives them."""

    @property
    def ids(self) -> Sequence[str]:
        """Entity ids, one a row."""

    @property
    def dim(self) -> int:
        """Width of a vector."""

    @property
    def rms(self) -> float:
        """Root mean square of all components."""

    def rows(self, entities: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the row of each entity id, -1 where there is none."""

    def gather(self, rows: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return the vectors of rows."""


@dataclass
class Knowledge:
    """A knowledge plugin ready to be put on a host."""

    injector: Injector
    module: torch.nn.Module | None
    table: Table | None
    """None for an injector that uses no vectors."""

    def rows(self, entities: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the row of each entity id in the table, -1 where there is none.

        Without a table all are 0: a mark says where, not what.
        """
        if self.table is None:
            return np.zeros(len(entities), dtype=np.int64)
        return self.table.rows(entities)

    def to(self, device: torch.device) -> None:
        """Follow a host that was moved after the plugin was put on it."""
        if self.module is not None:
            first = next(self.module.parameters(), None)
            if first is not None and first.device != device:
                self.module.to(device)

    def usable(self, mentions: Sequence[Mention]) -> list[Mention]:
        """Return the mentions that may be used: out-of-KB mentions change nothing.

        Where the injector uses vectors, the entity must have one.
        """
        if self.table is None:
            return [mention for mention in mentions if mention.entity]
        found = self.table.rows([mention.entity for mention in mentions]) if mentions else ()
        return [m for m, row in zip(mentions, found, strict=True) if row >= 0]

    def edit(self, segment: Segment, mentions: Sequence[Mention], source: int = 0) -> EditedSegment:
        """Return the segment with the task's edits and this injector's."""
        edits = [SourcedEdit(edit) for edit in segment.edits]
        usable = self.usable(mentions)
        for required in (True, False):
            own = [mention for mention in usable if bool(mention.role) is required]
            if own:
                made = self.injector.edits(segment, own)
                edits += [SourcedEdit(edit, source, required, knowledge=True) for edit in made]
        return EditedSegment(segment.text, tuple(edits))


def plain(segment: Segment) -> EditedSegment:
    """Return the segment with the task's own edits only."""
    return EditedSegment(segment.text, tuple(SourcedEdit(edit) for edit in segment.edits))
