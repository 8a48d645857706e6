"""Sorted string ids: binary search over one packed array, no Python object an id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from kpframework.errors import KpError
from kpframework.writing import replacing

_CHUNK = 65_536


class SortedIds(Sequence[str]):
    """Distinct strings in sorted order; an integer id is a position.

    Held as fixed-width UTF-8 bytes: five million ids of 12 bytes are 60 MB, in memory where they
    are read (`read`), in a file where they are mapped (`map`).
    """

    def __init__(self, packed: npt.NDArray[np.bytes_]) -> None:
        self._packed = packed

    @classmethod
    def of(cls, ids: Iterable[str], count: int, width: int) -> SortedIds:
        """Pack ``count`` sorted ids of at most ``width`` UTF-8 bytes from a stream."""
        packed = np.empty(count, dtype=f"S{max(width, 1)}")
        stream = iter(ids)
        for start in range(0, count, _CHUNK):
            stop = min(start + _CHUNK, count)
            packed[start:stop] = [text.encode() for text in islice(stream, stop - start)]
        return cls(packed)

    @classmethod
    def read(cls, path: Path, width: int) -> SortedIds:
        """Pack the column ``id`` of a Parquet file, a batch in memory at a time."""
        with pq.ParquetFile(path, memory_map=True) as file:
            batches = file.iter_batches(batch_size=_CHUNK, columns=["id"])
            ids = (text for batch in batches for text in batch.column("id").to_pylist())
            return cls.of(ids, file.metadata.num_rows, width)

    @classmethod
    def map(cls, path: Path) -> SortedIds:
        """Map what `write_ids` wrote; a search reads the pages it looks at.

        Raises:
            KpError: KP410 it is no such file, KP411 shorter or longer than it says.
        """
        fix = "delete the folder and compute the table again"
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                np.lib.format.read_magic(file)
                shape, _, dtype = np.lib.format.read_array_header_1_0(file)
                start = file.tell()
        except (OSError, ValueError) as error:
            raise KpError("KP410", f"no ids to be read here: {error}", fix, str(path)) from error
        if dtype.kind != "S" or len(shape) != 1:
            raise KpError("KP410", f"{dtype} of shape {shape} are no ids", fix, str(path))
        end = start + shape[0] * dtype.itemsize
        if size != end:
            message = f"{size} bytes, but the header speaks of {end}"
            raise KpError("KP411", message, fix, str(path))
        if not shape[0]:
            return cls(np.empty(0, dtype))
        mapped: npt.NDArray[Any] = np.memmap(path, dtype, "r", start, shape)
        return cls(mapped)

    def rows(self, ids: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the position of each id, -1 where there is none."""
        wanted = [text.encode() for text in ids]
        if not len(self._packed) or not wanted:
            return np.full(len(wanted), -1, dtype=np.int64)
        # The same dtype as the ids: a wider one would make numpy copy them all.
        query = np.array(wanted, dtype=self._packed.dtype)
        found = np.minimum(np.searchsorted(self._packed, query), len(self._packed) - 1)
        width = self._packed.dtype.itemsize
        fits = np.fromiter((len(text) <= width for text in wanted), dtype=bool, count=len(wanted))
        return np.where((self._packed[found] == query) & fits, found, -1).astype(np.int64)

    def around(self, text: str, count: int) -> list[str]:
        """Return up to ``count`` ids on either side of where a text would stand."""
        at = int(np.searchsorted(self._packed, np.array(text.encode(), self._packed.dtype)))
        return self[max(0, at - count) : at + count]

    def row(self, text: str) -> int:
        """Return the position of one id, -1 if there is none."""
        return int(self.rows([text])[0])

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, text: object) -> bool:
        return isinstance(text, str) and self.row(text) >= 0

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self._packed), _CHUNK):
            for text in self._packed[start : start + _CHUNK].tolist():
                yield text.decode()

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [text.decode() for text in self._packed[index].tolist()]
        return bytes(self._packed[index]).decode()


def write_ids(path: Path, ids: Sequence[str]) -> int:
    """Write sorted ids for `SortedIds.map`, an ``.npy``; return the bytes of the longest."""
    width = max((len(text.encode()) for text in ids), default=1)
    header = {"descr": f"|S{width}", "fortran_order": False, "shape": (len(ids),)}
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        stream = iter(ids)
        while chunk := list(islice(stream, _CHUNK)):
            file.write(np.array([text.encode() for text in chunk], f"S{width}").data)
    return width
