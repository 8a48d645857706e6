"""Crude English stems for looking up a span."""

from __future__ import annotations

from collections.abc import Iterator

_ENDINGS = (
    ("ies", ("y",)),
    ("es", ("", "e")),
    ("s", ("",)),
    ("ed", ("", "e")),
    ("ing", ("", "e")),
)
_SHORTEST = 3


def stems(surface: str) -> Iterator[str]:
    """Yield the surface without an English ending of its last word, likelier ones first.

    Nothing checks that a result is a word, or the same word; a stem keeps three letters or more.
    """
    before, _, last = surface.rpartition(" ")
    lead = f"{before} " if before else ""
    lower = last.lower()
    for ending, instead in _ENDINGS:
        stem = last[: -len(ending)]
        if lower.endswith(ending) and not lower.endswith("ss") and len(stem) >= _SHORTEST:
            for letters in instead:
                yield lead + stem + letters
