"""The linker that trusts the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from kp_plugin_linkers.overlap import longest_first, place
from kpframework.api import Context, KnowledgeBase, Linker, Mention, Segment


class AnnotatedLinker(Linker):
    """Returns the data's own mentions whose entity the knowledge base knows."""

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts = {"annotated": 0, "unknown_ids": 0, "overlapping": 0}

    def prepare(self, kb: KnowledgeBase) -> None:
        """Keep the knowledge base for its ids."""
        self._kb = kb

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the mentions with a known id; of overlapping ones the longest, then the first."""
        return [self._known(segment) for segment in segments]

    def statistics(self) -> Mapping[str, float]:
        """Return how many ids were given, are not in the knowledge base, or lay in another span."""
        return dict(self._counts)

    def _known(self, segment: Segment) -> list[Mention]:
        given = [
            mention
            for mention in segment.mentions
            if mention.entity and (mention.role or not self.config.roles_only)
        ]
        known = [found for found in map(self._resolve, given) if found is not None]
        placed = place(longest_first(known))
        self._counts["annotated"] += len(given)
        self._counts["unknown_ids"] += len(given) - len(known)
        self._counts["overlapping"] += len(known) - len(placed)
        return placed

    def _resolve(self, mention: Mention) -> Mention | None:
        space = self.config.id_space
        row = self._kb.row(f"{space}:{mention.entity}" if space else mention.entity)
        return None if row is None else replace(mention, entity=self._kb.entity_ids[row])
