"""Choosing among overlapping mentions."""

from __future__ import annotations

from collections.abc import Iterable

from kpframework.api import Mention
from kpframework.api import without_overlap as place

__all__ = ["longest_first", "place"]


def longest_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions, longer ones first, then from left to right."""
    return sorted(mentions, key=lambda m: (m.start - m.end, m.start))
