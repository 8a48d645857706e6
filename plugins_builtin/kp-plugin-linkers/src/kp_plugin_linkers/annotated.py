"""The linker that trusts the data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kp_plugin_linkers.offline import Offline
from kp_plugin_linkers.overlap import longest_first, place
from kpframework.api import (
    Context,
    KnowledgeBase,
    Linker,
    Mention,
    Segment,
    id_in_space,
    with_roles,
)


class AnnotatedLinker(Linker):
    """Returns annotated mentions whose entity the knowledge base knows.

    They come with the data, or from files of annotated documents.
    """

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts = {
            "annotated": 0,
            "unknown_ids": 0,
            "cross_references": 0,
            "several_ids": 0,
            "overlapping": 0,
        }
        self._offline: Offline | None = None

    def prepare(self, kb: KnowledgeBase) -> None:
        """Keep the knowledge base for its ids, and read the files.

        Raises:
            KpError: a file is malformed; names file and line.
        """
        self._kb = kb
        if self.config.documents:
            self._offline = Offline(self.config.documents)

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the mentions with a known id; of overlapping ones the longest, then the first."""
        return [self._known(segment) for segment in segments]

    def statistics(self) -> Mapping[str, float]:
        """Return how many ids were given, are not in the knowledge base, or lay in another span.

        ``cross_references`` counts those that are not the knowledge base's own.
        """
        return {**self._counts, **(self._offline.counts if self._offline else {})}

    def _known(self, segment: Segment) -> list[Mention]:
        given = [
            mention
            for mention in self._mentions(segment)
            if mention.entity and (mention.role or not self.config.roles_only)
        ]
        known = [found for found in map(self._resolve, given) if found is not None]
        placed = place(longest_first(known))
        self._counts["annotated"] += len(given)
        self._counts["unknown_ids"] += len(given) - len(known)
        self._counts["overlapping"] += len(known) - len(placed)
        return placed

    def _mentions(self, segment: Segment) -> Iterable[Mention]:
        if self._offline is None:
            return segment.mentions
        return with_roles(self._offline.mentions(segment.text), segment.mentions)

    def _resolve(self, mention: Mention) -> Mention | None:
        row = self._row(mention.entity)
        if row is None and "|" in mention.entity:
            self._counts["several_ids"] += 1
            if self.config.several == "first":
                rows = map(self._row, mention.entity.split("|"))
                row = next((found for found in rows if found is not None), None)
        if row is None:
            return None
        entity = self._kb.entity_ids[row]
        asked = map(self._asked, (mention.entity, *mention.entity.split("|")))
        self._counts["cross_references"] += entity not in asked
        return replace(mention, entity=entity)

    def _row(self, given: str) -> int | None:
        return self._kb.row(self._asked(given))

    def _asked(self, given: str) -> str:
        """Return an id as the knowledge base is asked for it."""
        return id_in_space(given.removeprefix(self.config.prefix), self.config.id_space)
