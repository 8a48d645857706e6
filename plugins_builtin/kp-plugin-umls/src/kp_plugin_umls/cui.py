"""Concept identifiers as integers, and sets of them of a fixed size."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_DIGITS = 7
_STANDARD = 10**_DIGITS
_POWERS = 10 ** np.arange(_DIGITS - 1, -1, -1, dtype=np.int64)


class Cuis:
    """Numbers concept identifiers: C and seven digits is the number they form.

    Other identifiers, which local additions to a Metathesaurus have, get numbers behind those as
    they come, and are the only ones that are kept.
    """

    def __init__(self) -> None:
        self._other: dict[str, int] = {}
        self._texts: list[str] = []

    def numbers(self, column: pa.Array) -> Ints:
        """Return the number of each identifier, shape (n,)."""
        plain = pc.equal(pc.binary_length(column), _DIGITS + 1).to_numpy(zero_copy_only=False)
        numbers = np.full(len(column), -1, dtype=np.int64)
        if plain.any():
            chosen = column if plain.all() else column.filter(pa.array(plain))
            offsets = np.frombuffer(chosen.buffers()[1], np.int32)[chosen.offset :]
            first, count = int(offsets[0]), len(chosen)
            data = np.frombuffer(chosen.buffers()[2], np.uint8)
            letters = data[first : first + count * (_DIGITS + 1)].reshape(count, _DIGITS + 1)
            digits = letters[:, 1:] - ord("0")  # a character below "0" wraps to above 9
            good = (letters[:, 0] == ord("C")) & (digits <= 9).all(axis=1)
            numbers[plain] = np.where(good, digits @ _POWERS, -1)
        for row in np.flatnonzero(numbers < 0).tolist():
            numbers[row] = self.number(column[row].as_py())
        return numbers

    def number(self, text: str) -> int:
        """Return the number of one identifier."""
        digits = text[1:]
        if text[:1] == "C" and len(digits) == _DIGITS and digits.isascii() and digits.isdigit():
            return int(digits)
        if text not in self._other:
            self._other[text] = _STANDARD + len(self._other)
            self._texts.append(text)
        return self._other[text]

    def text(self, number: int) -> str:
        """Return the identifier of a number."""
        if number >= _STANDARD:
            return self._texts[number - _STANDARD]
        return f"C{number:0{_DIGITS}}"


class CuiSet:
    """A set of numbers of `Cuis`: ten megabytes, however many are in it."""

    def __init__(self) -> None:
        self._has = np.zeros(_STANDARD, dtype=bool)

    def add(self, numbers: Ints) -> None:
        """Put numbers in."""
        if len(numbers) and (most := int(numbers.max())) >= len(self._has):
            more = np.zeros(most + 1 + _STANDARD // 10 - len(self._has), dtype=bool)
            self._has = np.concatenate([self._has, more])
        self._has[numbers] = True

    def has(self, numbers: Ints) -> Mask:
        """Return which of the numbers are in."""
        inside = numbers < len(self._has)
        if inside.all():
            return self._has[numbers]
        return inside & self._has[np.where(inside, numbers, 0)]

    def keep(self, others: "CuiSet") -> None:
        """Take out what is not in the other set."""
        shared = min(len(self._has), len(others._has))
        self._has[:shared] &= others._has[:shared]
        self._has[shared:] = False

    def __len__(self) -> int:
        return int(self._has.sum())
