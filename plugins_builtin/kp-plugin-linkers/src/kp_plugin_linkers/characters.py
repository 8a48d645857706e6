"""Characters: case folding that keeps every offset, and what belongs to a word."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import chain, groupby

_SURROGATE = re.compile("[\ud800-\udfff]")
_ASCII_WORD = re.compile(r"\w+|[^\w\s]")


def fold(text: str) -> str:
    """Return the text without case, as many characters long.

    'İ' and 'ß' fold to two characters: of such ones the first of the lower-cased form is kept.
    """
    if text.isascii():
        return text.lower()
    parts = _lengthened().split(plain(text))
    parts[::2] = map(str.casefold, parts[::2])
    parts[1::2] = [character.lower()[0] for character in parts[1::2]]
    return "".join(parts)


def plain(text: str) -> str:
    """Return the text with lone surrogates, which no encoding has, replaced; as long."""
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def in_word(character: str) -> bool:
    r"""Return whether a character belongs to a word: ``\w``, or a combining mark."""
    return character.isalnum() or character == "_" or _is_mark(character)


def words(text: str) -> list[tuple[int, int]]:
    """Return start and end of each word, and of each character that is neither in one nor blank."""
    pattern = _ASCII_WORD if text.isascii() else _word()
    return [match.span() for match in pattern.finditer(text)]


def _is_mark(character: str) -> bool:
    return character > "\u02ff" and unicodedata.category(character).startswith("M")


@cache
def _lengthened() -> re.Pattern[str]:
    """Characters that case folding makes longer; all are in the first plane."""
    return re.compile(
        f"([{''.join(c for c in map(chr, range(0x10000)) if len(c.casefold()) > 1)}])"
    )


@cache
def _word() -> re.Pattern[str]:
    # Marks are in the first two planes, and among the variation selectors of the fifteenth.
    codes = chain(range(0x300, 0x20000), range(0xE0000, 0xE1000))
    runs = (list(run) for mark, run in groupby(map(chr, codes), key=_is_mark) if mark)
    marks = "".join(f"{run[0]}-{run[-1]}" for run in runs)
    # The look ahead spares most characters the search among some hundred ranges.
    return re.compile(rf"(?:\w+|(?![\0-\u02ff])[{marks}]+)+|[^\w\s]")
