"""From a text to the entities that have it: sorted 64-bit hashes on disk, mapped, searched."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kpframework.kb.rows import Ints, RowSorter
from kpframework.writing import replacing

_PART = 1 << 20


def folded(name: str) -> str:
    """Return a name as it is looked up: without case, blanks in a row as one."""
    return " ".join(name.casefold().split())


def hashes(texts: Sequence[str]) -> Ints:
    """Return the 64-bit BLAKE2b hash of each text."""
    digests = (blake2b(t.encode("utf-8", "surrogatepass"), digest_size=8).digest() for t in texts)
    return np.frombuffer(b"".join(digests), dtype="<i8").astype(np.int64, copy=False)


class TextIndex:
    """Entities by text. Sixteen bytes a text, none of them in memory until they are looked at.

    Two texts of one hash would be taken for each other: with ten million texts, once in
    three hundred thousand knowledge bases.
    """

    def __init__(self, table: Ints) -> None:
        self._hashes, self._rows = table

    @classmethod
    def open(cls, path: Path) -> TextIndex:
        """Map a file that `write_index` wrote."""
        return cls(np.load(path, mmap_mode="r", allow_pickle=False))

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> TextIndex:
        """Return an index of (text, row) that is held in memory."""
        texts, rows = [], []
        for text, row in pairs:
            texts.append(text)
            rows.append(row)
        table = np.stack([hashes(texts), np.array(rows, dtype=np.int64)])
        return cls(table[:, np.lexsort(table[::-1])])

    def rows(self, text: str) -> list[int]:
        """Return the rows of the entities that have this text, in order."""
        wanted = hashes([text])[0]
        start, stop = (int(np.searchsorted(self._hashes, wanted, s)) for s in ("left", "right"))
        return list(dict.fromkeys(self._rows[start:stop].tolist()))

    def __len__(self) -> int:
        return len(self._hashes)

    def shared(self) -> Iterator[tuple[Ints, Ints, Ints]]:
        """Yield, a part of the index at a time, what each of its texts leads to.

        Each part is three arrays with an item for each distinct text: its hash, how many entities
        have it, and the first of them.
        """
        start = 0
        while start < len(self._hashes):
            stop = min(start + _PART, len(self._hashes))
            # A text's entities stay together.
            stop = int(np.searchsorted(self._hashes, self._hashes[stop - 1], "right"))
            own, rows = np.array(self._hashes[start:stop]), np.array(self._rows[start:stop])
            # An entity may have one text twice: as two names that differ in case.
            new = np.ones(len(own), dtype=bool)
            new[1:] = (own[1:] != own[:-1]) | (rows[1:] != rows[:-1])
            own, rows = own[new], rows[new]
            texts, at, counts = np.unique(own, return_index=True, return_counts=True)
            yield texts, counts.astype(np.int64), rows[at]
            start = stop

    def first(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the first row of each text, -1 where there is none."""
        if not len(self._hashes) or not texts:
            return np.full(len(texts), -1, dtype=np.int64)
        wanted = hashes(texts)
        found = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        return np.where(self._hashes[found] == wanted, self._rows[found], -1).astype(np.int64)


def write_index(path: Path, sorter: RowSorter) -> int:
    """Write rows of (hash, entity) as an ``.npy`` of shape (2, n); return the hashes of several."""
    shared = 0
    count = 0
    rows_path = path.with_name(f".{path.name}.rows")
    hashes_path = path.with_name(f".{path.name}.hashes")
    try:
        with hashes_path.open("wb") as first, rows_path.open("wb") as second:
            for chunk in sorter.chunks():
                shared += _repeated(chunk[:, 0])
                count += len(chunk)
                first.write(np.ascontiguousarray(chunk[:, 0], dtype="<i8").data)
                second.write(np.ascontiguousarray(chunk[:, 1], dtype="<i8").data)
        with replacing(path) as temporary, temporary.open("wb") as out:
            header = {"descr": "<i8", "fortran_order": False, "shape": (2, count)}
            np.lib.format.write_array_header_1_0(out, header)
            for part in (hashes_path, rows_path):
                with part.open("rb") as source:
                    shutil.copyfileobj(source, out, 1 << 20)
    finally:
        for part in (hashes_path, rows_path):
            part.unlink(missing_ok=True)
    return shared


def index_rows(texts: Sequence[str], rows: Ints) -> Ints:
    """Return rows of (hash, entity), shape (n, 2), for a `RowSorter`."""
    return np.column_stack([hashes(texts), rows])


def _repeated(values: Ints) -> int:
    """Count the values that come more than once in a sorted array."""
    same = values[1:] == values[:-1]
    return int(same.sum() - (same[1:] & same[:-1]).sum())
