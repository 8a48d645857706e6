"""Text from strangers, made fit for a terminal and a page."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")


def safe_text(value: object, limit: int | None = None) -> str:
    r"""Return text without control, format, bidirectional or unassigned characters.

    Each of them is shown as its code (``\x1b``, ``\u202e``); newlines and tabs stay. A text
    longer than ``limit`` characters is cut with an ellipsis.
    """
    text = str(value)
    if limit is not None and len(text) > limit:
        text = text[: max(limit - 1, 0)].rstrip() + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _shown(c) for c in text)


def safe_line(value: object, limit: int | None = None) -> str:
    """Return `safe_text` on one line: every run of white space becomes one space."""
    return safe_text(" ".join(str(value).split()), limit)


def safe_raw(value: object) -> str:
    r"""Return `safe_text` on one line, in which newlines and tabs are codes as well."""
    return safe_text(value).replace("\n", "\\x0a").replace("\t", "\\x09")


def cell_width(text: str) -> int:
    """Return how many cells of a terminal a text takes: wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _shown(character: str) -> str:
    if unicodedata.category(character) == "Zs":
        return " "
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
