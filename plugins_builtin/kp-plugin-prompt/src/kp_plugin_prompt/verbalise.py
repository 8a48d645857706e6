"""From an entity to sentences: its description, and its triples in words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from kpframework.api import KnowledgeBase

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[^a-z])")
_WORD = re.compile(r"\w+")

Ints = npt.NDArray[np.int64]


def clean(text: str) -> str:
    """Return a string of a knowledge base as one line of printable text."""
    shown = (c if unicodedata.category(c)[0] != "C" else " " for c in text)
    return " ".join("".join(shown).split())


class Verbaliser:
    """Says in words what a knowledge base holds of an entity.

    Args:
        kb: the knowledge base.
        templates: for a relation how its triples read; others read ``head relation tail``.
        inverse: whether triples that end in the entity are said as well.
    """

    def __init__(self, kb: KnowledgeBase, templates: Mapping[str, str], inverse: bool) -> None:
        self._kb = kb
        self._templates = templates
        self._inverse = inverse
        self.name = lru_cache(maxsize=1 << 14)(self._name)

    def description(self, entity: str, sentences: int) -> list[str]:
        """Return the first sentences of the description."""
        text = clean(self._kb.info(entity).description)
        return _SENTENCE_END.split(text)[:sentences] if text else []

    def triples(self, entity: str) -> Ints:
        """Return the triples of an entity, shape (triples, 3), in the order of the base."""
        row = self._kb.row(entity)
        heads = self._kb.triples[:, 0]  # sorted
        if row is None:
            return self._kb.triples[:0]
        first, last = np.searchsorted(heads, [row, row + 1])
        own = self._kb.triples[first:last]
        if not self._inverse:
            return own
        order, tails = self._by_tail
        first, last = np.searchsorted(tails, [row, row + 1])
        return np.concatenate([own, self._kb.triples[order[first:last]]])

    def sentences(self, triples: Ints) -> Iterator[str]:
        """Yield each triple in words; of those of one relation that read the same, the first."""
        ids, relations = self._kb.entity_ids, self._kb.relations
        seen: set[tuple[int, str]] = set()
        for head, relation, tail in triples.tolist():
            text = self._say(ids[head], relations[relation], ids[tail])
            if (relation, text) not in seen:
                seen.add((relation, text))
                yield text

    @cached_property
    def frequency(self) -> Ints:
        """How many triples each relation has."""
        return np.bincount(self._kb.triples[:, 1], minlength=len(self._kb.relations))

    @cached_property
    def _by_tail(self) -> tuple[Ints, Ints]:
        tails = self._kb.triples[:, 2]
        order = np.argsort(tails, kind="stable")
        return order, tails[order]

    def _say(self, head: str, relation: str, tail: str) -> str:
        if relation in self._templates:
            # Names are put in one after the other: braces in them stay as they are.
            parts = re.split(r"(\{head\}|\{tail\})", self._templates[relation])
            names = {"{head}": self.name(head), "{tail}": self.name(tail)}
            return "".join(names.get(part, part) for part in parts)
        words = clean(relation.replace("_", " "))
        return f"{self.name(head)} {words} {self.name(tail)}"

    def _name(self, entity: str) -> str:
        return clean(self._kb.info(entity).name) or entity


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, case folded."""
    return frozenset(word.casefold() for word in _WORD.findall(text))
