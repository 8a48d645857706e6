"""Streams the triples of a text or Parquet file."""

from collections.abc import Callable

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kp_plugin_triples.config import PARTS
from kp_plugin_triples.layout import Layout
from kp_plugin_triples.text import Rows, text_rows
from kpframework import KpError

_FIX = 'correct the file, or set "on_bad_line": "skip"'
_BATCH = 65_536


def rows_of(layout: Layout, skipped: Callable[[int], None]) -> Rows:
    """Yield (head, relation, tail); a line, or a batch of a Parquet file, in memory at a time.

    Args:
        layout: the file.
        skipped: told how many lines were left out.

    Raises:
        KpError: KP425 a line is malformed, KP426 the file cannot be read to its end.
    """

    def bad(line: int, lines: int, what: str) -> None:
        if not layout.skip:
            raise KpError("KP425", what, _FIX, f"{layout.path}:{line}")
        skipped(lines)

    if not layout.parquet:
        yield from text_rows(layout, bad)
        return
    try:
        yield from _parquet(layout, skipped)
    except (OSError, pa.ArrowException) as error:
        raise KpError(
            "KP426",
            f"cannot be read to its end: {error}",
            "fetch the file again; a truncated one is not read in part",
            str(layout.path),
        ) from error


def _parquet(layout: Layout, skipped: Callable[[int], None]) -> Rows:
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
        start = 0
        for batch in file.iter_batches(batch_size=_BATCH, columns=wanted):
            columns = [batch.column(name).cast(pa.string()) for name in wanted]
            yield from _complete(layout, columns, start, skipped)
            start += len(batch)


def _complete(
    layout: Layout, columns: list[pa.Array], start: int, skipped: Callable[[int], None]
) -> Rows:
    """Yield the rows of a batch, each of whose parts is there."""
    whole = [pc.fill_null(pc.greater(pc.binary_length(column), 0), False) for column in columns]
    keep = pc.and_(pc.and_(whole[0], whole[1]), whole[2])
    lacking = len(keep) - (pc.sum(keep).as_py() or 0)
    if lacking:
        if not layout.skip:
            row = start + pc.index(keep, False).as_py()
            what = "a part of the triple is empty"
            raise KpError("KP425", what, _FIX, f"{layout.path} (row {row})")
        skipped(lacking)
        columns = [column.filter(keep) for column in columns]
    yield from zip(*(column.to_pylist() for column in columns), strict=True)
