"""Writing a knowledge base: bounded batches in, sorted Parquet out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kpframework.api.context import Context
from kpframework.api.kb import Entity, KBProvider, Triple
from kpframework.errors import KpError
from kpframework.kb.columns import as_columns
from kpframework.kb.files import write_json
from kpframework.kb.ids import SortedIds
from kpframework.kb.rows import RowSorter, even
from kpframework.kb.sorting import SCHEMA, as_table, in_order
from kpframework.kb.text_index import folded, index_rows, write_index
from kpframework.writing import replacing

ENTITIES = "entities.parquet"
TRIPLES = "triples.parquet"
RELATIONS = "relations.parquet"
METADATA = "metadata.json"
NAME_INDEX = "names.npy"
XREF_INDEX = "xrefs.npy"
_BATCH = 100_000
_GROUP = 2_048
_TRIPLE_GROUP = 1 << 17
_COLUMNS = ("head", "relation", "tail")
_STRINGS = pa.schema([(name, pa.string()) for name in _COLUMNS])


def write_store(provider: KBProvider, folder: Path, name: str, context: Context) -> None:
    """Write the files of a store; see `kpframework.kb.store.build_store`."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".spill-") as temporary:
        scratch = Path(temporary)
        spill = scratch / "triples.parquet"
        mentioned, relations = _spill_triples(provider.triples(), spill, context)
        entities = _counted(provider.entities(), context)
        counts = _write_entities(in_order(entities, scratch), mentioned, folder, scratch)
        width = counts.pop("id_width", 1)
        ids = SortedIds.read(folder / ENTITIES, width)
        triples = _integers(spill, ids, relations, scratch)
        spill.unlink()
        distinct = write_triples(folder / TRIPLES, triples.chunks())
    with replacing(folder / RELATIONS) as path:
        pq.write_table(pa.table({"relation": pa.array(relations, pa.string())}), path)
    write_json(
        folder / METADATA,
        {
            "format": 1,
            "name": name,
            "id_width": width,
            "metadata": dict(provider.metadata()),
            "counts": {
                "entities": len(ids),
                "triples": distinct,
                "relations": len(relations),
                "duplicate_triples": triples.given - distinct,
                **{key: counts[key] for key in ("entities_without_name", "shared_xrefs")},
            },
        },
    )


def write_triples(path: Path, chunks: Iterable[npt.NDArray[np.int64]]) -> int:
    """Write sorted integer triples, each chunk of shape (n, 3); return how many they are."""
    count = 0
    schema = pa.schema([(name, pa.int64()) for name in _COLUMNS])
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
    ):
        for rows in even(iter(chunks), _TRIPLE_GROUP):
            table = pa.table({name: rows[:, axis] for axis, name in enumerate(_COLUMNS)})
            writer.write_table(table, row_group_size=_TRIPLE_GROUP)
            count += len(rows)
    return count


def _counted(entities: Iterable[Entity], context: Context) -> Iterator[Entity]:
    with context.progress("read entities", None) as advance:
        for position, entity in enumerate(entities, start=1):
            yield entity
            if position % 1_000 == 0:
                advance(1_000)


def _spill_triples(
    triples: Iterable[Triple], path: Path, context: Context
) -> tuple[pa.Array, list[str]]:
    """Write triples as they come; return the sorted ids they mention and their relations."""
    stream = iter(triples)
    mentioned, pending = pa.array([], pa.string()), list[pa.Array]()
    relations: set[str] = set()
    with (
        pq.ParquetWriter(path, _STRINGS) as writer,
        context.progress("read triples", None) as advance,
    ):
        while batch := list(islice(stream, _BATCH)):
            table = as_columns(batch, _STRINGS, _unstorable)
            for name in _COLUMNS:
                lengths = pc.binary_length(table.column(name))
                if (row := pc.index(lengths, 0).as_py()) >= 0:
                    what = f"a triple has no {name}: {batch[row]}"
                    raise KpError("KP403", what, "correct the file")
                nul = pc.match_substring(table.column(name), "\0")
                if (row := pc.index(nul, True).as_py()) >= 0:
                    what = f"a triple has a NUL character in its {name}: {batch[row]}"
                    raise KpError("KP403", what, "correct the file; it may be UTF-16")
            writer.write_table(table)
            relations.update(pc.unique(table.column("relation")).to_pylist())
            pending += [pc.unique(table.column(name)) for name in ("head", "tail")]
            # Merged only when as large as what is known, so that the work stays linear.
            if sum(map(len, pending)) > len(mentioned):
                mentioned, pending = pc.unique(pa.concat_arrays([mentioned, *pending])), []
            advance(len(batch))
    mentioned = pc.unique(pa.concat_arrays([mentioned, *pending]))
    return mentioned.take(pc.sort_indices(mentioned)), sorted(relations)


def _unstorable(triple: Triple, error: Exception) -> KpError:
    return KpError(
        "KP403",
        f"a triple cannot be stored: {triple}: {error}",
        "correct the file: ids and relations must be text that UTF-8 can write",
    )


def _write_entities(
    entities: Iterator[Entity], mentioned: pa.Array, folder: Path, scratch: Path
) -> Counter[str]:
    """Merge sorted entities with the sorted ids that triples mention; index names and xrefs."""
    counts: Counter[str] = Counter()
    names, xrefs = RowSorter(scratch, "names", 2), RowSorter(scratch, "xrefs", 2)
    bare = (Entity(text) for text in _texts(mentioned))
    merged = _first_of_equals(heapq.merge(entities, bare, key=lambda entity: entity.id))
    start = 0
    with (
        replacing(folder / ENTITIES) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer,
    ):
        while batch := list(islice(merged, _GROUP)):
            writer.write_table(as_table(batch), row_group_size=_GROUP)
            counts["entities_without_name"] += sum(not entity.name for entity in batch)
            widths = [len(entity.id.encode()) for entity in batch]
            counts["id_width"] = max(counts["id_width"], *widths)
            names.add(_indexed([[folded(n) for n in _names(e)] for e in batch], start))
            xrefs.add(_indexed([entity.xrefs for entity in batch], start))
            start += len(batch)
    write_index(folder / NAME_INDEX, names)
    counts["shared_xrefs"] = write_index(folder / XREF_INDEX, xrefs)
    return counts


def _names(entity: Entity) -> list[str]:
    return [name for name in (entity.name, *entity.aliases) if name]


def _indexed(texts: Sequence[Sequence[str]], start: int) -> npt.NDArray[np.int64]:
    """Return rows of (hash, entity) for the texts of each of some entities in a row."""
    lengths = [len(own) for own in texts]
    rows = np.repeat(np.arange(start, start + len(texts)), lengths)
    return index_rows([text for own in texts for text in own], rows)


def _first_of_equals(entities: Iterator[Entity]) -> Iterator[Entity]:
    """Drop an entity that only a triple mentions where the provider yields it too."""
    previous = None
    for entity in entities:
        if entity.id != previous:
            yield entity
        previous = entity.id


def _integers(spill: Path, ids: SortedIds, relations: list[str], scratch: Path) -> RowSorter:
    """Return the triples as integers, to be had in order."""
    number: Mapping[str, int] = {name: row for row, name in enumerate(relations)}
    triples = RowSorter(scratch, "triples", 3)
    with pq.ParquetFile(spill) as file:
        for batch in file.iter_batches(batch_size=_BATCH):
            part = np.empty((len(batch), 3), dtype=np.int64)
            for axis, name in enumerate(_COLUMNS):
                encoded = batch.column(name).dictionary_encode()
                texts = encoded.dictionary.to_pylist()
                rows = (
                    np.array([number[text] for text in texts], dtype=np.int64)
                    if name == "relation"
                    else ids.rows(texts)
                )
                part[:, axis] = rows[encoded.indices.to_numpy()]
            triples.add(part)
    return triples


def _texts(column: pa.Array) -> Iterator[str]:
    for start in range(0, len(column), _GROUP):
        yield from column.slice(start, _GROUP).to_pylist()
