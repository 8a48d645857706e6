"""Entities in the order of their ids, in bounded memory: sorted runs on disk, then a merge."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kpframework.api.kb import Entity
from kpframework.errors import KpError
from kpframework.kb.columns import as_columns

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("name", pa.string()),
        ("aliases", pa.list_(pa.string())),
        ("priors", pa.list_(pa.float64())),
        ("types", pa.list_(pa.string())),
        ("description", pa.string()),
        ("xrefs", pa.list_(pa.string())),
    ]
)
_RUN = 50_000  # entities in memory; beside them a group of each run while runs are merged
_GROUP = 512
_by_id = attrgetter("id")


def as_table(entities: list[Entity]) -> pa.Table:
    """Return a batch of entities as columns.

    Raises:
        KpError: KP402 an entity holds what cannot be stored; names it.
    """
    return as_columns(entities, SCHEMA, _unstorable)


def _unstorable(entity: Entity, error: Exception) -> KpError:
    return KpError(
        "KP402",
        f"entity {entity.id!r} cannot be stored: {error}",
        "correct its texts: they must be text, of characters that UTF-8 can write",
    )


def from_batch(batch: pa.RecordBatch | pa.Table) -> Iterator[Entity]:
    """Yield the entities of some rows."""
    columns = [batch.column(name).to_pylist() for name in SCHEMA.names]
    for name, title, aliases, priors, types, description, xrefs in zip(*columns, strict=True):
        yield Entity(
            name, title, tuple(aliases), tuple(priors), tuple(types), description, tuple(xrefs)
        )


def in_order(entities: Iterable[Entity], scratch: Path) -> Iterator[Entity]:
    """Yield checked entities sorted by id; at most one run of them is in memory.

    Raises:
        KpError: KP401 an id comes twice, KP402 an entity is malformed.
    """
    previous = None
    for entity in heapq.merge(*_runs(entities, scratch), key=_by_id):
        if entity.id == previous:
            raise KpError(
                "KP401",
                f"the knowledge base yields the entity {entity.id!r} twice",
                "merge the two in the file, or in the provider",
            )
        previous = entity.id
        yield entity


def _runs(entities: Iterable[Entity], scratch: Path) -> list[Iterator[Entity]]:
    runs: list[Iterator[Entity]] = []
    pending: list[Entity] = []
    for entity in entities:
        pending.append(checked(entity))
        if len(pending) == _RUN:
            path = scratch / f"run-{len(runs)}.parquet"
            pq.write_table(as_table(sorted(pending, key=_by_id)), path, row_group_size=_GROUP)
            runs.append(_read(path))
            pending = []
    runs.append(iter(sorted(pending, key=_by_id)))
    return runs


def _read(path: Path) -> Iterator[Entity]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_GROUP):
            yield from from_batch(batch)


def checked(entity: Entity) -> Entity:
    """Drop aliases that repeat a name, with their priors; refuse what cannot be stored."""
    if not entity.id or "\0" in entity.id:
        raise KpError("KP402", f"an entity has the id {entity.id!r}", "give it an id")
    names = (entity.name, *entity.aliases)
    if entity.priors and len(entity.priors) != len(names):
        raise KpError(
            "KP402",
            f"entity {entity.id!r} has {len(names)} names but {len(entity.priors)} priors",
            "give one prior for the name and one for each alias, or none",
        )
    first: dict[str, float | None] = {entity.name: entity.priors[0] if entity.priors else None}
    for position, alias in enumerate(entity.aliases, start=1):
        if alias:
            first.setdefault(alias, entity.priors[position] if entity.priors else None)
    if len(first) == len(names):
        return entity
    priors = tuple(prior for prior in first.values() if prior is not None)
    aliases = tuple(first)[1:]
    return Entity(
        entity.id, entity.name, aliases, priors, entity.types, entity.description, entity.xrefs
    )
