"""Streams columns of a text or Parquet file."""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from kp_plugin_triples.config import PARTS
from kpframework import KpError

_PACKED = {".gz", ".bz2", ".zst", ".lz4"}
_FIX = 'correct the file, or set "on_bad_line": "skip"'
_BATCH = 65_536


@dataclass(frozen=True)
class Layout:
    """How one file is read."""

    path: Path
    columns: tuple[str, ...]
    header: bool
    delimiter: str
    quoted: bool
    parquet: bool
    skip: bool

    @classmethod
    def of(cls, path: Path, config: Any) -> "Layout":
        """Return the layout that the options and the file's name give."""
        suffix = next((part for part in reversed(path.suffixes) if part not in _PACKED), "")
        # Distinct names for the columns that are not read.
        columns = tuple(
            name if name in PARTS else f"{position}" for position, name in enumerate(config.columns)
        )
        return cls(
            path,
            columns,
            config.header,
            config.delimiter or ("," if suffix == ".csv" else "\t"),
            suffix == ".csv",
            suffix in {".parquet", ".pq"},
            config.on_bad_line == "skip",
        )


def rows_of(layout: Layout, skipped: Callable[[int], None]) -> Iterator[tuple[str, str, str]]:
    """Yield (head, relation, tail), a batch in memory at a time.

    Raises:
        KpError: KP425 a line is malformed, KP426 the file cannot be read to its end.
    """
    try:
        for batch in _parquet(layout) if layout.parquet else _text(layout, skipped):
            yield from _complete(layout, batch, skipped)
    except (OSError, pa.ArrowException) as error:
        raise KpError(
            "KP426",
            f"cannot be read to its end: {error}",
            "fetch the file again, or check 'delimiter' and that it is UTF-8",
            str(layout.path),
        ) from error


def _text(layout: Layout, skipped: Callable[[int], None]) -> Iterator[pa.RecordBatch]:
    if not layout.path.stat().st_size:
        return

    malformed = False

    def handle(row: pacsv.InvalidRow) -> str:
        nonlocal malformed
        malformed = not layout.skip
        if layout.skip:
            skipped(1)
        return "error" if malformed else "skip"

    try:
        with pacsv.open_csv(
            layout.path,
            read_options=pacsv.ReadOptions(
                column_names=layout.columns, skip_rows=int(layout.header), use_threads=False
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=layout.delimiter,
                quote_char='"' if layout.quoted else False,
                newlines_in_values=layout.quoted,
                invalid_row_handler=handle,
            ),
            convert_options=pacsv.ConvertOptions(
                include_columns=PARTS,
                column_types={name: pa.string() for name in PARTS},
                strings_can_be_null=False,
            ),
        ) as reader:
            yield from reader
    except pa.ArrowException:
        if malformed:
            raise _malformed(layout) from None
        raise


def _parquet(layout: Layout) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(layout.path, memory_map=True) as file:
        names = file.schema_arrow.names
        if len(names) != len(layout.columns):
            raise KpError(
                "KP425",
                f"{len(names)} columns ({', '.join(names)}) instead of {len(layout.columns)}",
                "set 'columns' to what each column is",
                str(layout.path),
            )
        wanted = [names[layout.columns.index(part)] for part in PARTS]
        for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
            columns = [batch.column(name).cast(pa.string()) for name in wanted]
            yield pa.record_batch(columns, names=list(PARTS))


def _complete(
    layout: Layout, batch: pa.RecordBatch, skipped: Callable[[int], None]
) -> Iterator[tuple[str, str, str]]:
    """Yield the rows of a batch, each of whose parts is there."""
    columns = [batch.column(part) for part in PARTS]
    whole = [pc.fill_null(pc.greater(pc.binary_length(column), 0), False) for column in columns]
    keep = pc.and_(pc.and_(whole[0], whole[1]), whole[2])
    lacking = len(batch) - (pc.sum(keep).as_py() or 0)
    if lacking:
        if not layout.skip:
            raise _malformed(layout)
        skipped(lacking)
        columns = [column.filter(keep) for column in columns]
    yield from zip(*(column.to_pylist() for column in columns), strict=True)


def _malformed(layout: Layout) -> KpError:
    """Return the error of the first malformed line, which is looked for from the start."""
    if layout.parquet:
        return KpError("KP425", "a row lacks a part of its triple", _FIX, str(layout.path))
    quoting = csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE
    parts = [layout.columns.index(part) for part in PARTS]
    with io.TextIOWrapper(pa.input_stream(layout.path), errors="replace", newline="") as lines:
        reader = csv.reader(lines, delimiter=layout.delimiter, quoting=quoting)
        for row in reader:
            if not row or (layout.header and reader.line_num == 1):
                continue
            where = f"{layout.path}:{reader.line_num}"
            if len(row) != len(layout.columns):
                message = f"{len(row)} columns instead of {len(layout.columns)}"
                return KpError(
                    "KP425", f"{message}: {layout.delimiter.join(row)[:80]}", _FIX, where
                )
            if not all(row[part] for part in parts):
                return KpError("KP425", "a part of the triple is empty", _FIX, where)
    return KpError("KP425", "a malformed line", _FIX, str(layout.path))
