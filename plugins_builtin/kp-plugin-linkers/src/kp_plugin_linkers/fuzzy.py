"""A linker by likeness of spelling."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kp_plugin_linkers.characters import plain
from kp_plugin_linkers.fuzzy_index import FuzzyIndex, Near
from kp_plugin_linkers.overlap import longest_first, place
from kp_plugin_linkers.trigrams import normal
from kpframework.api import Context, KnowledgeBase, Linker, Mention, Segment, with_roles

_WORD = re.compile(r"\w+")
_BETWEEN = re.compile(r"[^\w\n;!?]{0,3}")
"""What may stand between two words of one sequence."""
_ACRONYM = 6
_REMEMBERED = 200_000
"""Surfaces whose names are remembered; words of a language come again and again."""

CANDIDATES = 8
"""Names of a span that `FuzzyLinker.candidates` looks at."""

Choice = tuple[str, float]
"""Entity id, and how likely, or how near, it is."""


class FuzzyLinker(Linker):
    """Finds names that are spelt like a span, or like a sequence of words of the text.

    Names of at most 6 characters without a lower-case letter, such as AIDS, must stand as they are.
    """

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._remembered: dict[int, dict[str, list[Choice]]] = {}
        self._spans = config.scope != "anywhere"
        self._counts = {"names": 0, "ambiguous_names": 0}

    def prepare(self, kb: KnowledgeBase) -> None:
        """Read the names and build their trigram vectors."""
        best: dict[str, Choice] = {}
        self._acronyms: dict[str, Choice] = {}
        ambiguous: set[tuple[bool, str]] = set()
        for raw, entity, prior in kb.names():
            name = plain(raw.strip())
            exact = len(name) <= _ACRONYM and name.isupper()
            table, key = (self._acronyms, name) if exact else (best, normal(name))
            if not key:
                continue
            held = table.setdefault(key, (entity, prior))
            if held[0] != entity:
                ambiguous.add((exact, key))
            # Of several entities the likeliest; of equals the smallest id.
            if (-prior, entity) < (-held[1], held[0]):
                table[key] = (entity, prior)
        # Of names equally near the first is taken: the one with the highest prior.
        ordered = sorted(best, key=lambda key: (-best[key][1], best[key][0], key))
        self._entities = [best[key][0] for key in ordered]
        self._index = FuzzyIndex(ordered, self.config.threshold)
        longest = max(map(len, ordered), default=0)
        self._longest = int(longest / self.config.threshold**2) + 2
        self._counts = {
            "names": len(best) + len(self._acronyms),
            "ambiguous_names": len(ambiguous),
        }

    def link(self, segments: Sequence[Segment]) -> list[list[Mention]]:
        """Return the mentions of each segment; a mention's score is its likeness to the name."""
        return [[own[0] for own in found] for found in self._search(segments, 1)]

    def candidates(self, segments: Sequence[Segment]) -> list[list[list[Mention]]]:
        """Return for each mention the entities of the names that are near, the nearest first."""
        return self._search(segments, CANDIDATES)

    def statistics(self) -> Mapping[str, float]:
        """Return how many names there are, and how many mean several entities."""
        return dict(self._counts)

    def _sequences(self, segment: Segment) -> Iterator[tuple[int, int]]:
        """Yield the spans that are looked up, those of the data first."""
        text = segment.text
        if self._spans:
            yield from ((m.start, m.end) for m in segment.mentions)
        if self.config.scope == "spans":
            return
        words = [match.span() for match in _WORD.finditer(text)]
        for i, (start, _) in enumerate(words):
            for j in range(i, min(i + self.config.max_words, len(words))):
                if j > i and not _BETWEEN.fullmatch(text, words[j - 1][1], words[j][0]):
                    break
                length = words[j][1] - start
                if self.config.min_length <= length <= self._longest:
                    yield start, words[j][1]

    def _search(self, segments: Sequence[Segment], limit: int) -> list[list[list[Mention]]]:
        wanted = [list(self._sequences(segment)) for segment in segments]
        texts = [segment.text for segment in segments]
        surfaces = dict.fromkeys(
            text[start:end]
            for text, spans in zip(texts, wanted, strict=True)
            for start, end in spans
        )
        near = self._near(list(surfaces), limit)
        found = []
        for segment, spans in zip(segments, wanted, strict=True):
            given = {(m.start, m.end) for m in segment.mentions} if self._spans else set()
            options: dict[Mention, list[Choice]] = {}
            for start, end in spans:
                if choices := near[segment.text[start:end]]:
                    options[Mention(start, end, *choices[0])] = choices
            order = longest_first(m for m in options if (m.start, m.end) in given)
            order += _likeliest_first(m for m in options if (m.start, m.end) not in given)
            placed = place(order)
            found.append(
                [
                    [replace(own, entity=entity, score=score) for entity, score in options[mention]]
                    for mention, own in zip(
                        placed, with_roles(placed, segment.mentions), strict=True
                    )
                ]
            )
        return found

    def _near(self, surfaces: Sequence[str], limit: int) -> Mapping[str, list[Choice]]:
        """Return for each surface the entities it is near to, each with its likeness."""
        remembered = self._remembered.setdefault(limit, {})
        new = [s for s in surfaces if s not in remembered]
        found = zip(new, self._index.search([normal(s) for s in new], limit), strict=True)
        fresh = {surface: self._choices(surface, near) for surface, near in found}
        if len(remembered) + len(fresh) <= _REMEMBERED:
            remembered.update(fresh)
            return remembered
        known = {s: remembered[s] for s in surfaces if s in remembered}
        self._remembered[limit] = fresh if len(fresh) <= _REMEMBERED else {}
        return {**known, **fresh}

    def _choices(self, surface: str, near: Near) -> list[Choice]:
        exact = self._acronyms.get(plain(surface.strip()))
        choices = {exact[0]: 1.0} if exact else {}
        for name, score in near:
            choices.setdefault(self._entities[name], score)
        return list(choices.items())


def _likeliest_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions in the order in which they are kept.

    Of overlapping ones that mean one entity the nearest comes first: "ulcer of" is a worse "ulcer".
    Of different ones that with most of the text explained, length times likeness: "brest cancer"
    before "cancer".
    """
    best: dict[str, list[Mention]] = defaultdict(list)
    for mention in mentions:
        best[mention.entity].append(mention)
    kept = [
        mention
        for own in best.values()
        for mention in place(sorted(own, key=lambda m: (-m.score, m.end - m.start, m.start)))
    ]
    return sorted(kept, key=lambda m: (-m.score * (m.end - m.start), m.start, m.end))
