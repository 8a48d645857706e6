"""Rows by concept: as they come where the file is in order, else sorted on disk first."""

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

Row = tuple[str, ...]

_RUN = 64 << 20  # bytes sorted in memory at a time
_GROUP = 4_096
_concept = itemgetter(0)


def by_concept(
    batches: Iterable[pa.RecordBatch], ordered: bool, scratch: Path
) -> Iterator[tuple[str, list[Row]]]:
    """Yield (concept, its rows in the order of the file), concepts sorted.

    The first column is the concept. Rows that are not in order are sorted in bounded memory, by
    runs in a folder under ``scratch``.
    """
    if ordered:
        yield from _grouped(row for batch in batches for row in _rows(batch))
        return
    scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=scratch, prefix="sort-") as folder:
        runs = [_run(path) for path in _sorted_runs(batches, Path(folder))]
        # Of equal concepts the run that was written first comes first.
        yield from _grouped(heapq.merge(*runs, key=_concept))


def _grouped(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    return ((concept, list(own)) for concept, own in groupby(rows, key=_concept))


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _sorted_runs(batches: Iterable[pa.RecordBatch], folder: Path) -> list[Path]:
    paths: list[Path] = []
    pending: list[pa.RecordBatch] = []

    def write() -> None:
        table = pa.Table.from_batches(pending)
        path = folder / f"{len(paths)}.parquet"
        ordered = table.sort_by([(table.column_names[0], "ascending")])  # stable
        pq.write_table(ordered, path, row_group_size=_GROUP)
        paths.append(path)
        pending.clear()

    for batch in batches:
        pending.append(batch)
        if sum(held.nbytes for held in pending) >= _RUN:
            write()
    if pending:
        write()
    return paths


def _run(path: Path) -> Iterator[Row]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_GROUP):
            yield from _rows(batch)
