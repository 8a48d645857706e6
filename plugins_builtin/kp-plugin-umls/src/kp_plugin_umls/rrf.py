"""Streams columns of an RRF file: separated by |, one more behind the last, no quoting, UTF-8."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from kp_plugin_umls.layout import Table
from kpframework import KpError
from kpframework.api import open_packed

_BLOCK = 4 << 20  # bytes read at a time
_LONGEST = 64 << 20  # bytes of a line
_FIX = 'correct the file, or set "on_bad_line": "skip"'
_NEWLINE, _RETURN, _SEPARATOR = b"\n\r|"
_END = "behind the last separator"


class RrfReader:
    """Reads RRF files and counts the malformed lines of each.

    Args:
        skip: whether a malformed line is left out; otherwise the first is an error.
    """

    def __init__(self, skip: bool) -> None:
        self.malformed: dict[str, int] = {}
        """Malformed lines left out of each file, by its name."""
        self.rows: dict[str, int] = {}
        """Lines of each file that was read to its end."""
        self._skip = skip

    def batches(self, table: Table, wanted: Sequence[str], keys: int) -> Iterator[pa.RecordBatch]:
        """Yield some columns as strings, some thousand rows at a time.

        Args:
            table: the file.
            wanted: names of the columns; the first ``keys`` of them must not be empty.
            keys: as many columns identify a row.

        Raises:
            KpError: KP481 there is no such column, KP482 a line is malformed, KP483 the file
                cannot be read to its end.
        """
        table.at(*wanted)
        lines = bad = 0
        for block in _blocks(table.path):
            if not block.endswith(b"\n"):
                what = f"a line is longer than {_LONGEST >> 20} MiB"
                raise KpError("KP483", what, "fetch the file again", f"{table.path}:{lines + 1}")
            given = _Lines(block)
            wrong = given.wrong(len(table.columns))
            rows = np.delete(np.arange(len(given)), list(wrong))  # the line of each row
            batch = _parsed(given.without(wrong), table, wanted)
            batch, undecodable = _decoded(batch, wanted, keys)
            wrong |= {int(rows[at]): what for at, what in undecodable.items()}
            if wrong and not self._skip:
                first = min(wrong)
                raise KpError("KP482", wrong[first], _FIX, f"{table.path}:{lines + first + 1}")
            lines += len(given)
            bad += len(wrong)
            yield batch
        self.malformed[table.name] = max(bad, self.malformed.get(table.name, 0))
        self.rows[table.name] = lines


class _Lines:
    """The lines of a block of bytes, each with its newline."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._bytes = np.frombuffer(block, np.uint8)
        self._ends = np.flatnonzero(self._bytes == _NEWLINE)

    def __len__(self) -> int:
        return len(self._ends)

    def wrong(self, columns: int) -> dict[int, str]:
        """Return what is wrong with the lines that do not have so many columns."""
        separators = np.flatnonzero(self._bytes == _SEPARATOR)
        counts = np.diff(np.searchsorted(separators, self._ends), prepend=0)
        last = self._ends - 1
        last = last - (self._bytes[last] == _RETURN)
        wrong: dict[int, str] = {}
        for line in np.flatnonzero((counts != columns) | (self._bytes[last] != _SEPARATOR)):
            found = int(counts[line])
            wrong[int(line)] = (
                "there is text behind the last |"
                if found == columns
                else f"{found} columns instead of {columns}, each with a | behind it"
            )
        returns = np.flatnonzero(self._bytes == _RETURN)
        for at in returns[self._bytes[returns + 1] != _NEWLINE]:
            line = int(np.searchsorted(self._ends, at))
            wrong.setdefault(line, "there is a carriage return in the line")
        return wrong

    def without(self, lines: dict[int, str]) -> bytes:
        """Return the block without some lines."""
        if not lines:
            return self._block
        starts = [0, *(self._ends + 1).tolist()]
        kept = (line for line in range(len(self)) if line not in lines)
        return b"".join(self._block[starts[line] : starts[line + 1]] for line in kept)


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield whole lines; the last gets the newline it may lack. One that is too long gets none."""
    held, size = [b""], 0
    with open_packed(path, "KP483") as file:
        while block := file.read(_BLOCK):
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join((*held, block[:cut]))
                held, size = [], 0
            held.append(block[cut:])
            size += len(block) - cut
            if size > _LONGEST:
                yield b"".join(held)
    if size:
        yield b"".join((*held, b"\n"))


def _parsed(block: bytes, table: Table, wanted: Sequence[str]) -> pa.RecordBatch:
    """Return some columns of lines that all have as many as they should, as bytes."""
    schema = pa.schema([(name, pa.binary()) for name in wanted])
    if not block:
        return pa.RecordBatch.from_pylist([], schema=schema)
    parsed = pacsv.read_csv(
        pa.py_buffer(block),
        read_options=pacsv.ReadOptions(
            column_names=[*table.columns, _END], use_threads=False, block_size=len(block) + 1
        ),
        parse_options=pacsv.ParseOptions(delimiter="|", quote_char=False),
        # Bytes first: one undecodable line must not take its block with it.
        convert_options=pacsv.ConvertOptions(
            include_columns=list(wanted),
            column_types={name: pa.binary() for name in wanted},
            strings_can_be_null=False,
        ),
    )
    return parsed.combine_chunks().to_batches()[0]


def _decoded(
    batch: pa.RecordBatch, wanted: Sequence[str], keys: int
) -> tuple[pa.RecordBatch, dict[int, str]]:
    """Return the rows that are whole, as strings, and what is wrong with the others."""
    wrong: dict[int, str] = {}
    for name in wanted[:keys]:
        lengths = pc.binary_length(batch.column(name)).to_numpy(zero_copy_only=False)
        wrong |= dict.fromkeys(np.flatnonzero(lengths == 0).tolist(), f"{name} is empty")
    columns = []
    for name in wanted:
        try:
            columns.append(batch.column(name).cast(pa.string()))
        except pa.ArrowInvalid:
            values = batch.column(name).to_pylist()
            bad = [at for at, value in enumerate(values) if not _decodes(value)]
            wrong |= dict.fromkeys(bad, f"{name} is not UTF-8")
    if wrong:
        keep = np.ones(len(batch), dtype=bool)
        keep[list(wrong)] = False
        columns = [c.cast(pa.string()) for c in batch.filter(pa.array(keep)).columns]
    return pa.record_batch(columns, names=list(wanted)), wrong


def _decodes(value: bytes) -> bool:
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
