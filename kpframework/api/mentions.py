"""What every linker does with the mentions it found."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kpframework.api.text import Mention


def without_overlap(mentions: Iterable[Mention]) -> list[Mention]:
    """Return, sorted by start, each mention that overlaps none of those given before it."""
    given = list(mentions)
    taken = bytearray(max((mention.end for mention in given), default=0))
    placed: list[Mention] = []
    for mention in given:
        if taken.find(1, mention.start, mention.end) < 0:
            taken[mention.start : mention.end] = b"\1" * (mention.end - mention.start)
            placed.append(mention)
    return sorted(placed, key=lambda m: m.start)


def with_roles(mentions: Iterable[Mention], spans: Iterable[Mention]) -> list[Mention]:
    """Return the mentions, each with the role of the first span with a role that it covers."""
    roles = sorted((span for span in spans if span.role), key=lambda span: span.start)
    starts = [span.start for span in roles]
    return [_with_role(mention, roles, bisect_left(starts, mention.start)) for mention in mentions]


def _with_role(mention: Mention, spans: Sequence[Mention], first: int) -> Mention:
    for at in range(first, len(spans)):
        if spans[at].start >= mention.end:
            break
        if spans[at].end <= mention.end:
            return replace(mention, role=spans[at].role)
    return mention
