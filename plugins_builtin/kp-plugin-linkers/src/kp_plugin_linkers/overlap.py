"""Choosing among overlapping mentions."""

from __future__ import annotations

from collections.abc import Iterable

from kpframework.api import Mention


def longest_first(mentions: Iterable[Mention]) -> list[Mention]:
    """Return the mentions, longer ones first, then from left to right."""
    return sorted(mentions, key=lambda m: (m.start - m.end, m.start))


def place(mentions: Iterable[Mention]) -> list[Mention]:
    """Return, sorted by start, each mention that overlaps none of those before it."""
    given = list(mentions)
    taken = bytearray(max((mention.end for mention in given), default=0))
    placed: list[Mention] = []
    for mention in given:
        if taken.find(1, mention.start, mention.end) < 0:
            taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            placed.append(mention)
    return sorted(placed, key=lambda m: m.start)
