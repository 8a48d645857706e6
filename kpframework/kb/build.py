"""Writing a knowledge base: bounded batches in, sorted Parquet out."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
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
from kpframework.kb.files import replacing, write_json
from kpframework.kb.ids import SortedIds
from kpframework.kb.sorting import SCHEMA, as_table, in_order

ENTITIES = "entities.parquet"
TRIPLES = "triples.parquet"
RELATIONS = "relations.parquet"
METADATA = "metadata.json"
_BATCH = 200_000
_GROUP = 8_192
_COLUMNS = ("head", "relation", "tail")
_STRINGS = pa.schema([(name, pa.string()) for name in _COLUMNS])


def write_store(provider: KBProvider, folder: Path, name: str, context: Context) -> None:
    """Write the four files of a store; see `kpframework.kb.store.build_store`."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix=".spill-") as temporary:
        scratch = Path(temporary)
        spill = scratch / "triples.parquet"
        mentioned, relations = _spill_triples(provider.triples(), spill, context)
        entities = _counted(provider.entities(), context)
        counts = _write_entities(in_order(entities, scratch), mentioned, folder / ENTITIES)
        width = counts.pop("id_width", 1)
        ids = SortedIds.read(folder / ENTITIES, width)
        given, triples = _integers(spill, ids, relations)
    write_triples(folder / TRIPLES, triples)
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
                "triples": len(triples),
                "relations": len(relations),
                "duplicate_triples": given - len(triples),
                **{key: counts[key] for key in ("entities_without_name", "shared_xrefs")},
            },
        },
    )


def write_triples(path: Path, triples: npt.NDArray[np.int64]) -> None:
    """Write integer triples, shape (triples, 3)."""
    with replacing(path) as temporary:
        table = pa.table({name: triples[:, axis] for axis, name in enumerate(_COLUMNS)})
        pq.write_table(table, temporary, compression="zstd")


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
            table = pa.table(
                {name: [getattr(triple, name) for triple in batch] for name in _COLUMNS},
                schema=_STRINGS,
            )
            for name in _COLUMNS:
                if pc.any(pc.equal(pc.binary_length(table.column(name)), 0)).as_py():
                    row = pc.index(pc.binary_length(table.column(name)), 0).as_py()
                    raise KpError(
                        "KP403", f"a triple has no {name}: {batch[row]}", "correct the file"
                    )
            writer.write_table(table)
            relations.update(pc.unique(table.column("relation")).to_pylist())
            pending += [pc.unique(table.column(name)) for name in ("head", "tail")]
            # Merged only when as large as what is known, so that the work stays linear.
            if sum(map(len, pending)) > len(mentioned):
                mentioned, pending = pc.unique(pa.concat_arrays([mentioned, *pending])), []
            advance(len(batch))
    mentioned = pc.unique(pa.concat_arrays([mentioned, *pending]))
    return mentioned.take(pc.sort_indices(mentioned)), sorted(relations)


def _write_entities(entities: Iterator[Entity], mentioned: pa.Array, path: Path) -> Counter[str]:
    """Merge sorted entities with the sorted ids that triples mention."""
    counts: Counter[str] = Counter()
    xrefs: Counter[str] = Counter()
    bare = (Entity(text) for text in _texts(mentioned))
    merged = _first_of_equals(heapq.merge(entities, bare, key=lambda entity: entity.id))
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, SCHEMA, compression="zstd") as writer,
    ):
        while batch := list(islice(merged, _GROUP)):
            writer.write_table(as_table(batch), row_group_size=_GROUP)
            counts["entities_without_name"] += sum(not entity.name for entity in batch)
            widths = [len(entity.id.encode()) for entity in batch]
            counts["id_width"] = max(counts["id_width"], *widths)
            xrefs.update(chain.from_iterable(set(entity.xrefs) for entity in batch))
    counts["shared_xrefs"] = sum(count > 1 for count in xrefs.values())
    return counts


def _first_of_equals(entities: Iterator[Entity]) -> Iterator[Entity]:
    """Drop an entity that only a triple mentions where the provider yields it too."""
    previous = None
    for entity in entities:
        if entity.id != previous:
            yield entity
        previous = entity.id


def _integers(
    spill: Path, ids: SortedIds, relations: list[str]
) -> tuple[int, npt.NDArray[np.int64]]:
    """Return how many triples were given, and the distinct ones as sorted integers."""
    number: Mapping[str, int] = {name: row for row, name in enumerate(relations)}
    parts = [np.empty((0, 3), dtype=np.int64)]
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
            parts.append(part)
    triples = np.concatenate(parts)
    order = np.lexsort((triples[:, 2], triples[:, 1], triples[:, 0]))
    ordered = triples[order]
    keep = np.ones(len(ordered), dtype=bool)
    keep[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    return len(triples), ordered[keep]


def _texts(column: pa.Array) -> Iterator[str]:
    for start in range(0, len(column), _GROUP):
        yield from column.slice(start, _GROUP).to_pylist()
