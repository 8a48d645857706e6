"""A user's text in the form the host expects: a task's markers, a language model's blanks."""

from __future__ import annotations

import re
from collections.abc import Sequence

from kpframework import KpError, SavedHost
from kpframework.api import Blank, Mention, Replacement, Segment

BLANK = re.compile(r"\[MASK\]|<mask>|_{3,}")
"""How a user writes the place that a masked language model is to fill."""


def roles_of(host: SavedHost) -> Sequence[str]:
    """Return the roles of a classification task's own mentions; none for any other host."""
    task = host.task
    if task is None or task.reads != "head":
        return ()
    return tuple(getattr(task, "roles", ("mention",)))


def as_input(
    host: SavedHost,
    text: str,
    spans: Sequence[tuple[int, int]] | None,
    linked: Sequence[Mention],
) -> Segment:
    """Return a text as an input of the host.

    Args:
        host: with its task, where that is known.
        text: the user's own.
        spans: the task's mentions; None takes the first linked ones, and where they are too few
            the text stays as it is.
        linked: what the knowledge plugin's linker found.

    Raises:
        KpError: KP863, a span lies outside the text; KP624, they are not as many as the task has.
    """
    if host.head == "masked-lm":
        found = (match.span() for match in BLANK.finditer(text))
        return Segment(text, edits=tuple(Replacement(*span, (Blank(),)) for span in found))
    roles = roles_of(host)
    wanted = len(roles)
    if spans is None:
        first = [(m.start, m.end) for m in linked[:wanted]]
        if not wanted or len(first) < wanted or host.task is None:
            return Segment(text)
        return host.task.segment(text, first)
    for start, end in spans:
        if not 0 <= start < end <= len(text):
            raise KpError("KP863", f"no span {start}-{end} in a text of {len(text)} characters")
    if host.task is None or not wanted:
        raise KpError("KP863", "this host has no task whose mentions could be named")
    return host.task.segment(text, list(spans))
