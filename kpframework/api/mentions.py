"""What every linker does with the mentions it found."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace

from kpframework.api.text import Mention


def without_overlap(mentions: Iterable[Mention]) -> list[Mention]:
    """Return, sorted by start, each mention that overlaps none of those given before it."""
    placed: list[Mention] = []
    starts: list[int] = []
    for mention in mentions:
        at = bisect_left(starts, mention.end)
        if at == 0 or placed[at - 1].end <= mention.start:
            starts.insert(at, mention.start)
            placed.insert(at, mention)
    return placed


def with_roles(mentions: Iterable[Mention], spans: Iterable[Mention]) -> list[Mention]:
    """Return the mentions, each with the role of the first span with a role that it covers."""
    roles = sorted((span for span in spans if span.role), key=lambda span: span.start)
    return [_with_role(mention, roles) for mention in mentions]


def _with_role(mention: Mention, spans: Sequence[Mention]) -> Mention:
    for at in range(bisect_left(spans, mention.start, key=lambda m: m.start), len(spans)):
        if spans[at].start >= mention.end:
            break
        if spans[at].end <= mention.end:
            return replace(mention, role=spans[at].role)
    return mention
