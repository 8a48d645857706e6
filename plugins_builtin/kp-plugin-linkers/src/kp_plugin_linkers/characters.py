"""Characters: case folding that keeps every offset, and what belongs to a word."""

from __future__ import annotations

import unicodedata


class _Fold(dict[int, str]):
    """A translation table filled as characters occur."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if 0xD800 <= code <= 0xDFFF:
            folded = "\ufffd"
        else:
            folded = character.casefold()
            # 'İ' lower-cases to two characters and 'ß' folds to two: one is kept, for the offsets.
            folded = folded if len(folded) == 1 else character.lower()[0]
        self[code] = folded
        return folded


class _Plain(dict[int, str]):
    """The same without folding: only lone surrogates, which no encoding has, are replaced."""

    def __missing__(self, code: int) -> str:
        self[code] = "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)
        return self[code]


_FOLD, _PLAIN = _Fold(), _Plain()


def fold(text: str) -> str:
    """Return the text without case, as many characters long."""
    return text.lower() if text.isascii() else text.translate(_FOLD)


def plain(text: str) -> str:
    """Return the text with lone surrogates replaced, as many characters long."""
    return text if text.isascii() else text.translate(_PLAIN)


def in_word(character: str) -> bool:
    r"""Return whether a character belongs to a word: ``\w``, or a combining mark."""
    return (
        character.isalnum()
        or character == "_"
        or (character > "\u02ff" and unicodedata.category(character).startswith("M"))
    )


def whole_words(text: str, start: int, end: int) -> bool:
    """Return whether the span neither begins nor ends inside a word."""
    return not (
        (start > 0 and in_word(text[start]) and in_word(text[start - 1]))
        or (end < len(text) and in_word(text[end - 1]) and in_word(text[end]))
    )
