"""Choosing among overlapping mentions."""

from __future__ import annotations

from collections.abc import Iterable

from kpframework.api import Mention
from kpframework.api import without_overlap as place

__all__ = ["leftmost_first", "longest_first", "place"]


def longest_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions, longer ones first, then from left to right."""
    return sorted(mentions, key=lambda m: (m.start - m.end, m.start))


def leftmost_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions from left to right, of those with one start the longer first."""
    return sorted(mentions, key=lambda m: (m.start, -m.end))
