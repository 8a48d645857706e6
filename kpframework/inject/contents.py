"""What a knowledge plugin answers from, replaced as a whole by an edit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpframework.api.injector import Injector
from kpframework.api.linker import Linker
from kpframework.api.text import Mention, Segment
from kpframework.inject.knowledge import Knowledge
from kpframework.kb.edited import EditedKB
from kpframework.kb.edited_table import EditedTable
from kpframework.kb.store import KBStore
from kpframework.kb.table import EntityTable


@dataclass(frozen=True)
class Contents:
    """The parts that belong together; whoever needs two of them reads both from one `Contents`."""

    injector: Injector
    linker: Linker
    kb: KBStore | EditedKB
    table: EntityTable | EditedTable | None
    """None for an injector that uses no vectors."""

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the linked mentions of each text, those without a vector left out."""
        knowledge = Knowledge(self.injector, None, self.table)
        return [knowledge.usable(found) for found in self.linker.link(segments)]
