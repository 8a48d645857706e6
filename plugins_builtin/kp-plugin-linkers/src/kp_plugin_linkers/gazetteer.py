"""A gazetteer: every name of a knowledge base, found in one pass over the text."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ahocorasick_rs import AhoCorasick

from kp_plugin_linkers.characters import whole_words
from kp_plugin_linkers.inflection import stems
from kp_plugin_linkers.names import Choice, Names
from kp_plugin_linkers.overlap import leftmost_first, longest_first, place
from kpframework.api import Context, KnowledgeBase, Linker, Mention, Segment


class GazetteerLinker(Linker):
    """Finds names as whole words, the longest first, in time linear in the text.

    All overlapping matches are looked at: a search that returns leftmost-longest ones alone lets a
    longer match that ends inside a word hide a shorter one that does not.
    """

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts: dict[str, float] = {}

    def prepare(self, kb: KnowledgeBase) -> None:
        """Read the names and build the automaton."""
        self._names = Names(kb.names(), self.config.casing, self.config.ambiguity)
        patterns = dict.fromkeys(self._names.patterns())
        kept = [name for name in patterns if self._long_enough(name)]
        self._automaton = AhoCorasick(kept if self.config.scope != "spans" else [])
        self._counts = {
            "names": self._names.total,
            "ambiguous_names": self._names.ambiguous,
            "short_names": len(patterns) - len(kept),
        }

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the mentions of each segment; a mention's score is the name's prior."""
        return [self._link(segment) for segment in segments]

    def statistics(self) -> Mapping[str, float]:
        """Return how many names there are, mean several entities, or are too short to be found."""
        return self._counts

    def _long_enough(self, name: str) -> bool:
        letters = sum(map(str.isalpha, name))
        return bool(len(name) >= self.config.min_length and letters >= self.config.min_letters)

    def _link(self, segment: Segment) -> list[Mention]:
        order: list[Mention] = []
        if self.config.scope != "anywhere":
            order += longest_first(self._spans(segment))
        if self.config.scope != "spans":
            spans = sorted((m for m in segment.mentions if m.role), key=lambda m: m.start)
            found = [_with_role(mention, spans) for mention in self._found(segment.text)]
            order += longest_first(m for m in found if m.role)
            order += leftmost_first(m for m in found if not m.role)
        return place(order)

    def _spans(self, segment: Segment) -> Iterator[Mention]:
        for mention in segment.mentions:
            choice = self._lookup(segment.text[mention.start : mention.end])
            if choice is not None:
                yield replace(mention, entity=choice[0], score=choice[1])

    def _lookup(self, surface: str) -> Choice | None:
        choice = self._names.lookup(surface)
        if choice is None and self.config.inflection == "english":
            tried = map(self._names.lookup, stems(surface))
            choice = next((found for found in tried if found is not None), None)
        return choice

    def _found(self, text: str) -> Iterator[Mention]:
        matches = self._automaton.find_matches_as_indexes(
            self._names.normal(text), overlapping=True
        )
        for _, start, end in matches:
            if whole_words(text, start, end):
                choice = self._names.lookup(text[start:end])
                if choice is not None:
                    yield Mention(start, end, *choice)


def _with_role(mention: Mention, spans: Sequence[Mention]) -> Mention:
    """Return the mention with the role of the first of the sorted spans that it covers."""
    for at in range(bisect_left(spans, mention.start, key=lambda m: m.start), len(spans)):
        if spans[at].start >= mention.end:
            break
        if spans[at].end <= mention.end:
            return replace(mention, role=spans[at].role)
    return mention
