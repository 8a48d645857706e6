"""Linked texts as files: JSON lines or Parquet, a shard each and all of them in one."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from kpframework.errors import SpecError

Format = Literal["jsonl", "parquet"]
Record = Mapping[str, Any]
"""``id``, ``text`` unless left out, and ``mentions``: ``start``, ``end`` (characters, end
exclusive), ``mention``, ``entity``, ``name``, ``score``, ``types``."""

_MENTION = pa.struct(
    [
        ("start", pa.int32()),
        ("end", pa.int32()),
        ("mention", pa.string()),
        ("entity", pa.string()),
        ("name", pa.string()),
        ("score", pa.float64()),
        ("types", pa.list_(pa.string())),
    ]
)


def schema(text: bool) -> pa.Schema:
    """Return the Parquet schema, with or without the texts."""
    texts = [("text", pa.string())] if text else []
    return pa.schema([("id", pa.string()), *texts, ("mentions", pa.list_(_MENTION))])


def format_of(path: Path, given: Format | None) -> Format:
    """Return the format of an output file: the given one, or what its suffix says.

    Raises:
        SpecError: KP836, the suffix says nothing, or Parquet is to be gzipped.
    """
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    known: dict[str, Format] = {
        ".jsonl": "jsonl",
        ".ndjson": "jsonl",
        ".parquet": "parquet",
        ".pq": "parquet",
    }
    found = given or known.get(plain.suffix)
    if found is None:
        raise SpecError(
            "KP836",
            f"the format of {path} is not known by its suffix",
            "name it .jsonl, .jsonl.gz or .parquet, or give --format",
        )
    if found == "parquet" and path.suffix == ".gz":
        raise SpecError("KP836", "Parquet is compressed by itself", "leave out .gz")
    return found


def write_records(path: Path, records: Iterable[Record], format: Format, text: bool) -> None:
    """Write the records of a shard."""
    if format == "jsonl":
        with path.open("w", encoding="utf-8", newline="\n") as out:
            for record in records:
                out.write(json.dumps(record, ensure_ascii=False, allow_nan=False) + "\n")
    else:
        table = pa.Table.from_pylist(list(map(dict, records)), schema=schema(text))
        pq.write_table(table, path, compression="zstd")


def read_records(path: Path, format: Format) -> Iterator[Record]:
    """Yield the records of a shard, or of a whole output."""
    if format == "jsonl":
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
            yield from map(json.loads, lines)
    else:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()


def join(parts: Sequence[Path], target: Path, format: Format, *, text: bool, zipped: bool) -> None:
    """Write one file of the shards in their order, a shard in memory at a time at most."""
    if format == "parquet":
        with pq.ParquetWriter(target, schema(text), compression="zstd") as writer:
            for part in parts:
                table = pq.read_table(part)
                if table.num_rows:
                    # One row group a shard, whatever pyarrow's default is.
                    writer.write_table(table, row_group_size=table.num_rows)
        return
    with target.open("wb") as file:
        # No name and no time in the header: equal records are equal bytes.
        out = gzip.GzipFile("", "wb", 6, file, mtime=0) if zipped else file
        with out:
            for part in parts:
                with part.open("rb") as stream:
                    shutil.copyfileobj(stream, out, 2**20)


def size_and_digest(path: Path) -> tuple[int, str]:
    """Return bytes and sha256 of a file."""
    with path.open("rb") as stream:
        return path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest()
