"""What a file of annotated documents holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kpframework.api.text import Mention, Segment

SEVERAL = "|"
"""Joins the ids of an annotation that names several entities (PubTator's own sign)."""
_SEPARATORS = re.compile(r"[|;,+]")
_NO_ID = {"", "-", "-1", "none", "nil", "null", "cui-less", "cui_less", "unknown"}


@dataclass(frozen=True)
class Annotation:
    """An annotated mention; offsets are characters of its document's text, end exclusive."""

    start: int
    end: int
    ids: tuple[str, ...] = ()
    """As they stand in the file, without those that mean "none" (``-1``, ``-``, ``NIL``)."""
    type: str = ""
    score: float = 1.0
    role: str = ""
    where: str = ""
    """``file:line``, or the path inside a JSON file."""


@dataclass(frozen=True)
class Document:
    """A text with its annotations, in the order of their offsets."""

    id: str
    text: str
    annotations: tuple[Annotation, ...] = ()
    where: str = ""

    def segment(self) -> Segment:
        """Return the text with its annotations as mentions; several ids are joined by ``|``."""
        return Segment(
            self.text,
            tuple(
                Mention(a.start, a.end, SEVERAL.join(a.ids), a.score, a.role)
                for a in self.annotations
            ),
        )


def no_id(value: str) -> bool:
    """Return whether an id says that there is none."""
    return value.strip().lower() in _NO_ID


def several_ids(value: str) -> tuple[str, ...]:
    """Return the ids of a field such as ``D003110|D010051``, parted by one of ``|;,+``."""
    return known_ids(_SEPARATORS.split(value))


def known_ids(values: Iterable[str]) -> tuple[str, ...]:
    """Return the ids that are ids, each once, in their order."""
    return tuple(dict.fromkeys(v.strip() for v in values if not no_id(v)))
