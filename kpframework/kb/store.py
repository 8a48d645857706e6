"""The stored knowledge base: Parquet in, integers out."""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from kpframework.api.kb import Entity, EntityInfo, Triple
from kpframework.digest import content_digest, json_digest
from kpframework.errors import KpError
from kpframework.kb.build import (
    ENTITIES,
    METADATA,
    NAME_INDEX,
    RELATIONS,
    TRIPLES,
    XREF_INDEX,
    write_store,
)
from kpframework.kb.ids import SortedIds
from kpframework.kb.sorting import from_batch
from kpframework.kb.text_index import TextIndex, folded

if TYPE_CHECKING:
    import networkx as nx

    from kpframework.api.context import Context
    from kpframework.api.kb import KBProvider

_TRIPLES = 1 << 18
_ENTITIES = 8_192


class KBStore:
    """A knowledge base on disk (`kpframework.api.KnowledgeBase`).

    Triples and ids are read when first asked for; what is known of an entity is read a row group at
    a time.
    """

    def __init__(self, folder: Path, description: Mapping[str, Any]) -> None:
        self.folder = folder
        self._description = description
        # Caches of the instance's own, so that they go when the instance goes.
        self._group = lru_cache(maxsize=32)(self._read_group)
        self._triple_group = lru_cache(maxsize=8)(self._read_triple_group)

    @property
    def name(self) -> str:
        """The id the spec gives it."""
        return str(self._description["name"])

    @cached_property
    def fingerprint(self) -> str:
        """Hash of entities, relations and triples; the files' hashes are kept in the cache."""
        files = (ENTITIES, RELATIONS, TRIPLES)
        return json_digest([content_digest(self.folder / name) for name in files])

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the provider said (release, licence, source), and the counts, as text."""
        counts = {key: str(value) for key, value in self.counts.items()}
        return {**self._description["metadata"], **counts}

    @property
    def counts(self) -> Mapping[str, int]:
        """Entities, triples, relations, what was dropped, and what leakage control excluded."""
        counts: Mapping[str, int] = self._description["counts"]
        return counts

    @cached_property
    def entity_ids(self) -> SortedIds:
        """String ids, sorted."""
        return SortedIds.read(self.folder / ENTITIES, int(self._description["id_width"]))

    @cached_property
    def relations(self) -> Sequence[str]:
        """Relation names, sorted."""
        with pq.ParquetFile(self.folder / RELATIONS) as file:
            names: list[str] = file.read().column("relation").to_pylist()
        return names

    @cached_property
    def triples(self) -> npt.NDArray[np.int64]:
        """Shape (triples, 3): head, relation, tail as integers, sorted; read-only."""
        with pq.ParquetFile(self.folder / TRIPLES, memory_map=True) as file:
            triples = np.empty((file.metadata.num_rows, 3), dtype=np.int64)
        start = 0
        for batch in self.triple_batches():
            triples[start : start + len(batch)] = batch
            start += len(batch)
        triples.flags.writeable = False
        return triples

    @cached_property
    def xref_index(self) -> TextIndex:
        """The entities by each of their cross-references."""
        if (self.folder / XREF_INDEX).is_file():
            return TextIndex.open(self.folder / XREF_INDEX)
        entities = enumerate(self.stream())
        return TextIndex.of((xref, row) for row, entity in entities for xref in entity.xrefs)

    @cached_property
    def name_index(self) -> TextIndex:
        """The entities by each of their names and aliases, `folded`."""
        if (self.folder / NAME_INDEX).is_file():
            return TextIndex.open(self.folder / NAME_INDEX)
        entities = enumerate(self.stream())
        return TextIndex.of(
            (folded(name), row)
            for row, entity in entities
            for name in (entity.name, *entity.aliases)
            if name
        )

    def row(self, entity: str) -> int | None:
        """Return the integer of an entity id, or of ``SPACE:id`` of another id space, or None.

        Where several entities share an id of another space, it is the first of them.
        """
        found = int(self.rows([entity])[0])
        return found if found >= 0 else None

    def rows(self, entities: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return what `row` returns for each, with -1 for None."""
        rows = self.entity_ids.rows(entities)
        unknown = np.flatnonzero(rows < 0)
        if len(unknown):
            rows[unknown] = self.xref_index.first([entities[at] for at in unknown.tolist()])
        return rows

    def info(self, entity: str) -> EntityInfo:
        """Return what is known of an entity.

        Raises:
            KeyError: no such entity.
        """
        return as_info(self.record(entity))

    def record(self, entity: str) -> Entity:
        """Return an entity as its provider gave it, with its priors.

        Raises:
            KeyError: no such entity.
        """
        row = self.row(entity)
        if row is None:
            raise KeyError(entity)
        group, position = divmod(row, self._group_rows)
        return next(from_batch(self._group(group).slice(position, 1)))

    def find(self, name: str) -> list[str]:
        """Return the ids of the entities that have this name or alias, case aside, sorted."""
        return [self.entity_ids[row] for row in self.name_index.rows(folded(name))]

    def outgoing(self, entity: str) -> Iterator[Triple]:
        """Yield the triples that leave an entity, sorted; reads only where on disk they are.

        Raises:
            KeyError: no such entity.
        """
        row = self.row(entity)
        if row is None:
            raise KeyError(entity)
        ids, relations, last = self.entity_ids, self.relations, self._last_heads
        for group in range(bisect_left(last, row), min(bisect_right(last, row) + 1, len(last))):
            heads, of, tails = self._triple_group(group)
            start, stop = (int(np.searchsorted(heads, row, side)) for side in ("left", "right"))
            ends = zip(of[start:stop].tolist(), tails[start:stop].tolist(), strict=True)
            for relation, tail in ends:
                yield Triple(ids[row], relations[relation], ids[tail])

    def triple_batches(self) -> Iterator[npt.NDArray[np.int64]]:
        """Yield the rows of `triples`, in order, in batches of shape (n, 3)."""
        with pq.ParquetFile(self.folder / TRIPLES, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=_TRIPLES):
                yield _columns(batch)

    def entity_batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield columns of the entities, in order; names as in `Entity`."""
        with pq.ParquetFile(self.folder / ENTITIES, memory_map=True) as file:
            yield from file.iter_batches(batch_size=_ENTITIES, columns=list(columns))

    def entities(self) -> Iterator[EntityInfo]:
        """Yield what is known of every entity, in order, a batch in memory at a time."""
        return (as_info(entity) for entity in self.stream())

    def names(self) -> Iterator[tuple[str, str, float]]:
        """Yield (name or alias, entity id, prior) in a stable order; prior 1.0 where unknown."""
        for entity in self.stream():
            names = (entity.name, *entity.aliases)
            priors = entity.priors or (1.0,) * len(names)
            for name, prior in zip(names, priors, strict=True):
                if name:
                    yield name, entity.id, prior

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """Return the graph: nodes are entity ids with name and types, edge keys are relations."""
        import networkx as nx  # a quarter of a second that most uses of a store can do without

        graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(name=self.name)
        graph.add_nodes_from(
            (entity.id, {"name": entity.name, "types": entity.types}) for entity in self.stream()
        )
        ids, relations = list(self.entity_ids), self.relations
        graph.add_edges_from(
            (ids[head], ids[tail], relations[relation])
            for head, relation, tail in self.triples.tolist()
        )
        return graph

    @cached_property
    def _group_rows(self) -> int:
        with pq.ParquetFile(self.folder / ENTITIES) as file:
            return int(file.metadata.row_group(0).num_rows) if file.metadata.num_row_groups else 1

    def _read_group(self, group: int) -> pa.Table:
        with pq.ParquetFile(self.folder / ENTITIES, memory_map=True) as file:
            return file.read_row_group(group)

    @cached_property
    def _last_heads(self) -> list[int]:
        """The greatest head of each row group of triples."""
        with pq.ParquetFile(self.folder / TRIPLES) as file:
            groups = range(file.metadata.num_row_groups)
            return [file.metadata.row_group(g).column(0).statistics.max for g in groups]

    def _read_triple_group(self, group: int) -> npt.NDArray[np.int64]:
        with pq.ParquetFile(self.folder / TRIPLES, memory_map=True) as file:
            return np.ascontiguousarray(_columns(file.read_row_group(group)).T)

    def stream(self) -> Iterator[Entity]:
        """Yield every entity with its priors, in order, a batch in memory at a time."""
        with pq.ParquetFile(self.folder / ENTITIES, memory_map=True) as file:
            for batch in file.iter_batches(batch_size=_ENTITIES):
                yield from from_batch(batch)


def _columns(triples: pa.RecordBatch | pa.Table) -> npt.NDArray[np.int64]:
    """Return shape (n, 3)."""
    return np.column_stack([triples.column(axis).to_numpy() for axis in range(3)])


def open_store(folder: Path) -> KBStore:
    """Open what `build_store` wrote; reads only the counts.

    Raises:
        KpError: KP400 it is not a stored knowledge base, or not a whole one.
    """
    try:
        description = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        for name, key in ((ENTITIES, "entities"), (TRIPLES, "triples"), (RELATIONS, "relations")):
            with pq.ParquetFile(folder / name) as file:
                if file.metadata.num_rows != description["counts"][key]:
                    raise ValueError(f"{name} has {file.metadata.num_rows} rows")
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise KpError(
            "KP400",
            f"not a stored knowledge base: {error}",
            "delete the folder and build it again",
            str(folder),
        ) from error
    return KBStore(folder, description)


def build_store(provider: KBProvider, folder: Path, name: str, context: Context) -> KBStore:
    """Stream a provider's entities and triples into a folder and open it.

    Equal content gives equal bytes, in whatever order the provider yields it.

    Raises:
        KpError: KP401 an id comes twice, KP402 an entity or KP403 a triple is malformed.
    """
    write_store(provider, folder, name, context)
    return open_store(folder)


def as_info(entity: Entity) -> EntityInfo:
    """Return what is told of an entity: all but its priors."""
    return EntityInfo(
        entity.id, entity.name, entity.aliases, entity.types, entity.description, entity.xrefs
    )
