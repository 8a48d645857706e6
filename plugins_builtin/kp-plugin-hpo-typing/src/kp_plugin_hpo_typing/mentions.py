"""Mentions of phenotypes in the definitions of phenotypes."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from kp_plugin_linkers.config import GazetteerConfig
from kp_plugin_linkers.gazetteer import GazetteerLinker

from kp_plugin_hpo_typing.ontology import Ontology
from kpframework.api import Context, KnowledgeBase, Segment

_SHARES = (("train", 0.40), ("dev", 0.55), ("test", 1.0))
_WORD = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True)
class Found:
    """A mention of ``concept`` in the definition of ``source``."""

    concept: str
    source: str
    text: str
    start: int
    end: int


class _Vocabulary:
    """As much of a knowledge base as the gazetteer asks for: the names, and their plurals."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self.entity_ids = list(ontology.names)

    def names(self) -> Iterator[tuple[str, str, float]]:
        names = self._ontology.names
        taken = {name.lower() for given in names.values() for name in given}
        for concept, given in names.items():
            for name in given:
                yield name, concept, 1.0
                if not name.endswith("s") and f"{name.lower()}s" not in taken:
                    yield f"{name}s", concept, 1.0


def fraction(*parts: str) -> float:
    """Return a number in [0, 1) that depends on the words alone: no seed, no machine."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def split_of(concept: str) -> str:
    """Return the split all mentions of a concept belong to: 40 % train, 15 % dev, 45 % test."""
    return next(split for split, upper in _SHARES if fraction("split", concept) < upper)


def find(ontology: Ontology, per_concept: int, own: bool) -> dict[str, list[Found]]:
    """Return the mentions of each split, concepts in the order of a hash.

    Names of several concepts are left out. Of one concept's mentions those with the smallest hash
    are kept, so that fewer or more of them, or of the concepts, never swap one for another.
    """
    linker = GazetteerLinker(GazetteerConfig(ambiguity="skip", min_length=4), Context())
    linker.prepare(cast("KnowledgeBase", _Vocabulary(ontology)))
    sources = list(ontology.definitions)
    linked = linker.link([Segment(ontology.definitions[source]) for source in sources])
    mentions: dict[str, list[Found]] = defaultdict(list)
    for source, found in zip(sources, linked, strict=True):
        for mention in found:
            if own or mention.entity != source:
                place = (source, ontology.definitions[source], mention.start, mention.end)
                mentions[mention.entity].append(Found(mention.entity, *place))
    splits: dict[str, list[Found]] = {split: [] for split, _ in _SHARES}
    for concept in sorted(mentions, key=lambda c: (fraction("order", c), c)):
        chosen = sorted(mentions[concept], key=_order)[:per_concept]
        splits[split_of(concept)] += chosen
    return splits


def _order(found: Found) -> tuple[Any, ...]:
    return fraction("mention", found.concept, found.source, str(found.start)), found.start


def trimmed(found: Found, window: int | None) -> tuple[str, int, int]:
    """Return text, start and end with at most ``window`` words on each side of the mention."""
    if window is None:
        return found.text, found.start, found.end
    words = list(_WORD.finditer(found.text))
    before = [word.start() for word in words if word.end() <= found.start]
    after = [word.end() for word in words if word.start() >= found.end]
    first = min([found.start, *before[max(0, len(before) - window) :]])
    last = max([found.end, *after[:window]])
    return found.text[first:last], found.start - first, found.end - first
