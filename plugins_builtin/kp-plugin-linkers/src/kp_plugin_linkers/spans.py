"""Spans of a text as arrays: where one may begin or end, and a 64-bit hash of any of them."""

from __future__ import annotations

import unicodedata
from typing import Any

import numpy as np
import numpy.typing as npt

from kp_plugin_linkers.characters import in_word

SEPARATOR = "\ud800"
"""Stands between texts; no normal form of a text or a name holds it."""

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_WORD, _BLANK, _LETTER, _UNKNOWN = 1, 2, 4, 255

_classes = np.full(0x110000, _UNKNOWN, dtype=np.uint8)
"""What each character is; filled as characters occur."""
_known_powers: dict[int, Hashes] = {}


class Spans:
    """A normal text whose spans can be hashed, in any number at once.

    The hash of a span is a polynomial of its characters modulo 2**64, had from sums over the text
    (Karp and Rabin, IBM Journal of Research and Development 31(2), 1987), then mixed.

    Args:
        normal: the text, as `kp_plugin_linkers.characters.fold` or `plain` return it; several
            with `SEPARATOR` between them.
    """

    def __init__(self, normal: str) -> None:
        data = normal.encode("utf-32-le", "surrogatepass")
        self._codes = np.frombuffer(data, dtype="<u4")
        self.classes = _classes_of(self._codes)
        powers = _powers(_BASE, len(self._codes))
        self._sums = np.zeros(len(self._codes) + 1, dtype=np.uint64)
        np.cumsum((self._codes + np.uint64(1)) * powers, out=self._sums[1:])

    def __len__(self) -> int:
        return len(self._codes)

    def starts(self) -> Places:
        """Return where a span may begin: not inside a word, not at a blank."""
        word = (self.classes & _WORD).astype(bool)
        inside = np.zeros(len(self), dtype=bool)
        inside[1:] = word[1:] & word[:-1]
        return np.flatnonzero(~inside & ~(self.classes & _BLANK).astype(bool))

    def ends(self) -> Places:
        """Return where a span may end: not inside a word, not after a blank."""
        word = (self.classes & _WORD).astype(bool)
        inside = np.zeros(len(self), dtype=bool)
        inside[:-1] = word[:-1] & word[1:]
        return np.flatnonzero(~inside & ~(self.classes & _BLANK).astype(bool)) + 1

    def letters(self) -> npt.NDArray[np.int32]:
        """Return how many letters stand before each character, and in all."""
        sums = np.zeros(len(self) + 1, dtype=np.int32)
        np.cumsum((self.classes & _LETTER).astype(bool), out=sums[1:])
        return sums

    def hashes(self, starts: Places, ends: Places) -> Hashes:
        """Return the hash of each span; equal texts have equal ones, wherever they stand."""
        inverse = _powers(_INVERSE, len(self) + 1)
        return _mixed((self._sums[ends] - self._sums[starts]) * inverse[starts])


def hash_of(normal: str) -> int:
    """Return the hash of one normal text as a whole."""
    total, power = 0, 1
    for character in normal:
        total += (ord(character) + 1) * power
        power = power * _BASE % 2**64
    return int(_mixed(np.array([total % 2**64], dtype=np.uint64))[0])


def _mixed(hashes: Hashes) -> Hashes:
    for shift, factor in zip((32, 29), _MIX, strict=True):
        hashes = (hashes ^ (hashes >> np.uint64(shift))) * np.uint64(factor)
    return hashes ^ (hashes >> np.uint64(32))


def _powers(base: int, count: int) -> Hashes:
    known = _known_powers.get(base)
    if known is None or len(known) < count:
        powers = np.full(1 << max(count - 1, 1 << 12).bit_length(), base, dtype=np.uint64)
        powers[0] = 1
        known = _known_powers[base] = np.cumprod(powers, dtype=np.uint64)
    return known[:count]


def _classes_of(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint8]:
    found = _classes[codes]
    if (found == _UNKNOWN).any():
        for code in np.unique(codes[found == _UNKNOWN]).tolist():
            character = chr(code)
            blank = character.isspace() or character == SEPARATOR
            _classes[code] = (
                _WORD * in_word(character) | _BLANK * blank | _LETTER * character.isalpha()
            )
        found = _classes[codes]
    return found


def unicode_version() -> dict[str, Any]:
    """Return what decides which characters make words; an index is only good for its own."""
    return {"unicode": unicodedata.unidata_version}
