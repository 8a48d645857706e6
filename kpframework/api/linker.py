"""Entity linkers: text in, linked mentions out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kpframework.api.context import Context

if TYPE_CHECKING:
    from kpframework.api.kb import KnowledgeBase
    from kpframework.api.text import Mention, Segment


class Linker(ABC):
    """Finds mentions of a knowledge base's entities in texts.

    ``prepare`` is called once before the first ``link``. ``link`` is pure: the same segment gives
    the same mentions, alone or in a batch.
    """

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def prepare(self, kb: KnowledgeBase) -> None:
        """Build what is needed to link against this knowledge base."""

    @abstractmethod
    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return for each segment its linked mentions, sorted by start, not overlapping.

        Every mention has an entity id of the knowledge base. A mention that covers a span of the
        data keeps that span's ``role``.
        """

    def revised(self, kb: KnowledgeBase, changed: Collection[str]) -> Linker:
        """Return a linker for an edited knowledge base; this one may be at work and stays as it is.

        Prepares another one from the start, which a linker that can do better overrides.

        Args:
            kb: as it is now.
            changed: ids of the entities that were put in, changed, or taken out.
        """
        linker = type(self)(self.config, self.context)
        linker.prepare(kb)
        return linker

    def candidates(self, segments: Sequence[Segment]) -> list[list[list[Mention]]]:
        """Return for each mention of `link` what it may mean, the likeliest first.

        The mentions of one inner list differ in entity and score alone; the first is that of
        `link`. A linker that knows no alternatives returns that one.
        """
        return [[[mention] for mention in found] for found in self.link(segments)]

    def statistics(self) -> Mapping[str, float]:
        """Return counts for the report, such as how many names are ambiguous."""
        return {}
