"""A gazetteer: every name of a knowledge base, found in one pass over the text."""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from operator import itemgetter
from pathlib import Path
from typing import Any

from kp_plugin_linkers import context as contexts
from kp_plugin_linkers import name_index
from kp_plugin_linkers.context import ContextView, Profiles, write_profiles
from kp_plugin_linkers.inflection import stems
from kp_plugin_linkers.name_build import Stream, write_index
from kp_plugin_linkers.name_index import Found, NameIndex
from kp_plugin_linkers.names import Meaning, Names, by_context
from kp_plugin_linkers.overlap import longest_first, place
from kpframework.api import Context, KnowledgeBase, Linker, Mention, Segment, derived, with_roles

Span = tuple[int, int]
Placed = tuple[int, int, str, Meaning]
"""Start, end, role and meaning."""
_EVERY = 1000
"""Entities between two steps of a progress bar."""
_start = itemgetter(0)


class GazetteerLinker(Linker):
    """Finds names as whole words, the longest first, in time linear in the text.

    All overlapping matches are looked at: a search that returns leftmost-longest ones alone lets a
    longer match that ends inside a word hide a shorter one that does not.
    """

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts: Counter[str] = Counter()
        self._names: Names | None = None
        self._profiles: Profiles | None = None

    def prepare(self, kb: KnowledgeBase) -> None:
        """Open the index of the names; build it if no process did before."""
        casing = self.config.casing
        # What makes a word is Unicode's: an index is only good for its own version.
        version = {"format": name_index.FORMAT, "unicode": unicodedata.unidata_version}
        options = {"casing": casing, **version}
        index = derived(
            kb,
            "gazetteer",
            options,
            partial(self._write, kb),
            partial(NameIndex, casing=casing),
        )
        self._names = Names(index, self.config.ambiguity)
        if self.config.ambiguity == "context":
            self._profiles = derived(
                kb,
                "gazetteer-context",
                {**options, "profiles": contexts.FORMAT},
                partial(self._write_profiles, kb, index.ambiguous_entities),
                Profiles,
            )

    def _write(self, kb: KnowledgeBase, folder: Path) -> None:
        # The names are read twice; of what is read only the number of entities is known before.
        with self.context.progress("indexing names, entities", 2 * len(kb.entity_ids)) as advance:
            write_index(lambda: _counted(kb.names(), advance), self.config.casing, folder)

    def _write_profiles(
        self, kb: KnowledgeBase, entities: Callable[[], Iterable[str]], folder: Path
    ) -> None:
        with self.context.progress("describing entities", len(kb.entity_ids)) as advance:
            write_profiles(kb, entities(), folder, advance)

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the mentions of each segment; a mention's score is the name's prior."""
        return [
            [Mention(start, end, *own.choices[0], role) for start, end, role, own in placed]
            for placed in self._placed(segments)
        ]

    def candidates(self, segments: Sequence[Segment]) -> list[list[list[Mention]]]:
        """Return for each mention the entities that have its name, the chosen one first."""
        return [
            [
                [Mention(start, end, *c, role) for c in own.choices]
                for start, end, role, own in placed
            ]
            for placed in self._placed(segments)
        ]

    def statistics(self) -> Mapping[str, float]:
        """Return counts of names, and of the ambiguous mentions linked so far.

        ``names``, those that mean several entities, those too short to be found in running text;
        ``ambiguous_mentions``, and of these with ambiguity ``"context"`` those where the context
        told something, and those where it changed what the priors say.
        """
        return {**self._about_names, **self._counts}

    @cached_property
    def _about_names(self) -> Mapping[str, float]:
        index, config = self._prepared.index, self.config
        skips = config.ambiguity == "skip"
        names, ambiguous = index.count()
        return {
            "names": names,
            "ambiguous_names": ambiguous,
            "short_names": index.short(config.min_length, config.min_letters, skips),
        }

    @property
    def _prepared(self) -> Names:
        assert self._names is not None  # prepare comes before link
        return self._names

    def _placed(self, segments: Sequence[Segment]) -> Iterator[list[Placed]]:
        return (self._resolved(segment.text, self._chosen(segment)) for segment in segments)

    def _chosen(self, segment: Segment) -> list[Placed]:
        """Return from left to right the mentions that stay, with what their names mean."""
        found: Found | None = None
        if self.config.scope != "spans":
            least, letters = self.config.min_length, self.config.min_letters
            found = self._prepared.index.find(segment.text, least, letters)
        roles = sorted(mention.start for mention in segment.mentions if mention.role)
        meanings: dict[Span, Meaning] = {}
        order: list[Mention] = []
        if self.config.scope != "anywhere":
            order += longest_first(self._spans(segment, meanings))
        if roles and found is not None:
            near = [(start, end) for start, end in found if _any_between(roles, start, end)]
            covering = with_roles(self._every(segment.text, near, meanings), segment.mentions)
            order += longest_first(m for m in covering if m.role)
        first = [(m.start, m.end, m.role, meanings[m.start, m.end]) for m in place(order)]
        if found is None:
            return first
        return sorted([*first, *self._leftmost(segment.text, found, first)], key=_start)

    def _resolved(self, text: str, placed: list[Placed]) -> list[Placed]:
        """Count ambiguous mentions, and let the context decide them where it is asked."""
        view: ContextView | None = None
        for at, (start, end, role, meaning) in enumerate(placed):
            if len(meaning.choices) > 1:
                self._counts["ambiguous_mentions"] += 1
                if self._profiles is not None:
                    view = view or self._view(text)
                    placed[at] = (start, end, role, self._by_context(meaning, view, start, end))
        return placed

    def _view(self, text: str) -> ContextView:
        assert self._profiles is not None  # the caller looked
        return ContextView(
            self._profiles, text, self.config.context_words, self.config.context_weight
        )

    def _by_context(self, meaning: Meaning, view: ContextView, start: int, end: int) -> Meaning:
        chosen, told = by_context(meaning, view, start, end)
        self._counts["decided_by_context"] += told
        self._counts["changed_by_context"] += chosen.choices[0] != meaning.choices[0]
        return chosen

    def _spans(self, segment: Segment, meanings: dict[Span, Meaning]) -> Iterator[Mention]:
        for mention in segment.mentions:
            meaning = self._lookup(segment.text[mention.start : mention.end])
            if meaning is not None:
                meanings[mention.start, mention.end] = meaning
                yield mention

    def _lookup(self, surface: str) -> Meaning | None:
        lookup = self._prepared.lookup
        meaning = lookup(surface)
        if meaning is None and self.config.inflection == "english":
            tried = map(lookup, stems(surface))
            meaning = next((found for found in tried if found is not None), None)
        return meaning

    def _every(
        self, text: str, found: Iterable[Span], meanings: dict[Span, Meaning]
    ) -> Iterator[Mention]:
        for start, end in found:
            meaning = self._prepared.lookup(text[start:end])
            if meaning is not None:
                # A span of the data may have been found by its stem: the same place, another name.
                meanings.setdefault((start, end), meaning)
                yield Mention(start, end)

    def _leftmost(self, text: str, found: Found, first: list[Placed]) -> Iterator[Placed]:
        """Yield from left to right, the longest of each start, what overlaps none before it."""
        taken = bytearray(len(text) if first else 0)
        for start, end, _, _ in first:
            taken[start:end] = b"\1" * (end - start)
        free, lookup = 0, self._prepared.lookup
        for start in found.starts:
            if start < free or (first and taken[start]):
                continue
            for end in found.ends(start):
                if first and taken.find(1, start, end) >= 0:
                    continue
                meaning = lookup(text[start:end])
                if meaning is not None:
                    free = end
                    yield start, end, "", meaning
                    break


def _counted(names: Stream, advance: Callable[[int], None]) -> Iterator[tuple[str, str, float]]:
    """Yield the names; advance by the entities that they are of, in their order."""
    entities, last = 0, ""
    for name in names:
        if name[1] != last:
            last = name[1]
            entities += 1
            if entities % _EVERY == 0:
                advance(_EVERY)
        yield name


def _any_between(places: list[int], start: int, end: int) -> bool:
    at = bisect_left(places, start)
    return at < len(places) and places[at] < end
