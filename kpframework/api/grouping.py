"""Rows of strings by their key, in bounded memory: for providers that join files."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pyarrow as pa

Row = tuple[Any, ...]

_RUN = 64 << 20  # bytes sorted in memory at a time
_GROUP = 4_096


def by_key(
    batches: Iterable[pa.RecordBatch], scratch: Path, ordered: bool = False
) -> Iterator[tuple[str, list[Row]]]:
    """Yield (key, its rows in the order in which they came), keys sorted.

    Rows that are not in order are sorted by runs in a folder that is removed at the end.

    Args:
        batches: columns of strings; the first is the key.
        scratch: where the runs go; ``context.scratch`` of a component.
        ordered: whether the keys come in order, so that there is nothing to sort.
    """
    if ordered:
        yield from _grouped(row for batch in batches for row in _rows(batch))
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="sort-") as folder:
        runs = [_run(path) for path in _sorted_runs(batches, Path(folder))]
        # Of equal keys the run that was written first comes first.
        yield from _grouped(heapq.merge(*runs, key=itemgetter(0)))


def _grouped(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    return ((key, list(own)) for key, own in groupby(rows, key=itemgetter(0)))


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _sorted_runs(batches: Iterable[pa.RecordBatch], folder: Path) -> list[Path]:
    import pyarrow as pa

    paths: list[Path] = []
    pending: list[pa.RecordBatch] = []

    def write() -> None:
        table = pa.Table.from_batches(pending)
        path = folder / f"{len(paths)}.parquet"
        ordered = table.sort_by([(table.column_names[0], "ascending")])  # stable
        pq.write_table(ordered, path, row_group_size=_GROUP)
        paths.append(path)
        pending.clear()

    size = 0
    for batch in batches:
        pending.append(batch)
        size += batch.nbytes
        if size >= _RUN:
            write()
            size = 0
    if pending:
        write()
    return paths


def _run(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_GROUP):
            yield from _rows(batch)
