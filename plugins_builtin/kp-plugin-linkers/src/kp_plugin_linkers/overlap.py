"""Choosing among overlapping mentions."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from kpframework.api import Mention


def longest_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions, longer ones first, then from left to right."""
    return sorted(mentions, key=lambda m: (m.start - m.end, m.start))


def leftmost_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions from left to right, of those with one start the longer first."""
    return sorted(mentions, key=lambda m: (m.start, -m.end))


def place(mentions: Iterable[Mention]) -> list[Mention]:
    """Return, sorted by start, each mention that overlaps none of those before it."""
    placed: list[Mention] = []
    starts: list[int] = []
    for mention in mentions:
        at = bisect_left(starts, mention.end)
        if at == 0 or placed[at - 1].end <= mention.start:
            starts.insert(at, mention.start)
            placed.insert(at, mention)
    return placed
