"""Vectors with their names as text: word2vec's and GloVe's files, a name and its numbers a line."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kpframework.api.files import numbered_lines
from kpframework.errors import KpError


@dataclass(frozen=True)
class VectorRows:
    """Some rows of a file of vectors, in order; what is in a row is read when asked for."""

    ids: Sequence[str]
    """What the rows belong to: entities, words."""
    read: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.floating[Any]]]
    """Returns the vectors of some of these rows, given in rising order, shape (rows, width)."""
    where: Callable[[int], str]
    """Returns the place of one of these rows for an error."""


def read_vectors(path: str | Path, code: str, batch: int = 16_384) -> Iterator[VectorRows]:
    """Yield the rows of a text file, float32: an id and its numbers, between tabs or blanks.

    The first line may say how many rows and columns follow (word2vec); others have none (GloVe,
    PyTorch-BigGraph's export). An id may hold blanks, but not the first of a file that has neither
    tabs nor a first line of counts: the numbers are the last ones of a line.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.
        batch: most rows at a time.

    Raises:
        KpError: as `numbered_lines`; a line is malformed or not UTF-8, or rows are missing; from
            `VectorRows.read`, what should be a number is none.
    """
    yield from _Text(Path(path), code).rows(batch)


class _Text:
    def __init__(self, path: Path, code: str) -> None:
        self.path = path
        self.code = code

    def rows(self, batch: int) -> Iterator[VectorRows]:
        said: int | None = None
        width = done = 0
        ids: list[str] = []
        texts: list[bytes] = []
        lines: list[int] = []
        for number, raw in numbered_lines(self.path, self.code):
            line = raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw
            if number == 1:
                parts = line.split()
                if len(parts) == 2 and all(map(_is_count, parts)):
                    said, width = int(parts[0]), int(parts[1])
                    continue
                width = len(line.split(b"\t" if b"\t" in line else None)) - 1
            if not line.strip():
                continue
            # A tab after the id leaves the numbers' own separator open.
            own, *values = line.rstrip().rsplit(b"\t" if b"\t" in line else None, max(width, 0))
            if width < 1 or len(values) != width:
                what = f"{len(values)} numbers behind an id instead of {max(width, 1)}"
                raise self._error(number, what)
            ids.append(self._id(number, own.strip()))
            texts.append(b" ".join(values))
            lines.append(number)
            done += 1
            if len(ids) == batch:
                yield self._batch(ids, texts, lines)
                ids, texts, lines = [], [], []
        if ids:
            yield self._batch(ids, texts, lines)
        if said is not None and said != done:
            raise self._error(None, f"the first line says {said} rows, but {done} follow")

    def _batch(self, ids: list[str], texts: list[bytes], lines: list[int]) -> VectorRows:
        def read(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
            vectors = []
            for row in rows.tolist():
                try:
                    vectors.append(np.array(texts[row].split(), dtype=np.float32))
                except ValueError as error:
                    raise self._error(lines[row], str(error)) from error
            return np.stack(vectors)

        return VectorRows(ids, read, lambda row: f"{self.path}:{lines[row]}")

    def _id(self, number: int, raw: bytes) -> str:
        try:
            own = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            raise self._error(number, f"an id is not UTF-8: {error.reason}") from error
        if not own:
            raise self._error(number, "an id is empty")
        return own

    def _error(self, line: int | None, what: str) -> KpError:
        where = str(self.path) if line is None else f"{self.path}:{line}"
        what = f"vectors cannot be read: {what}"
        return KpError(self.code, what, "fetch or export the file again", where)


def _is_count(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 18
