"""The triples around one entity, grouped by relation."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from kpframework.kb.search import known_entity
from kpframework.kb.statistics import SILENT, Progress, refuse_misplaced

if TYPE_CHECKING:
    from kpframework.kb.store import KBStore


def neighbours(
    store: KBStore, entity: str, limit: int = 10, progress: Progress = SILENT
) -> dict[str, Any]:
    """Return what leaves and enters an entity, by relation, as JSON.

    Outgoing triples are read where they lie on disk, incoming ones in one pass over all triples.

    Args:
        store: the knowledge base.
        entity: its id, a cross-reference ``SPACE:id``, or a name that means no other entity.
        limit: relations of each direction, those of most triples first, and triples of each.
        progress: told how far the pass is.

    Raises:
        SpecError: KP821 no such entity, or several have that name.
        KpError: KP400 the store is damaged.
    """
    info = store.info(known_entity(store, entity))
    incoming = _grouped(_incoming(store, info.id, progress), limit)
    outgoing = _grouped(
        ((triple.relation, triple.tail) for triple in store.outgoing(info.id)), limit
    )
    return {
        "kb": store.name,
        "entity": {
            "id": info.id,
            "name": info.name,
            "aliases": list(info.aliases[:limit]),
            "types": list(info.types),
            "description": info.description,
            "xrefs": list(info.xrefs[:limit]),
        },
        "outgoing": _named(store, outgoing, limit),
        "incoming": _named(store, incoming, limit),
    }


def _incoming(store: KBStore, entity: str, progress: Progress) -> Iterator[tuple[str, str]]:
    row = store.row(entity)
    with progress("triples", store.counts["triples"]) as advance:
        for batch in store.triple_batches():
            refuse_misplaced(store, batch)
            found = batch[np.flatnonzero(batch[:, 2] == row)]
            for head, relation, _ in found.tolist():
                yield store.relations[relation], store.entity_ids[head]
            advance(len(batch))


def _grouped(ends: Iterable[tuple[str, str]], limit: int) -> dict[str, tuple[int, list[str]]]:
    """Return for each relation how many triples it has and the first ``limit`` other ends."""
    groups: dict[str, tuple[int, list[str]]] = {}
    for relation, end in ends:
        count, first = groups.get(relation, (0, []))
        if count < limit:
            first.append(end)
        groups[relation] = count + 1, first
    return groups


def _named(store: KBStore, groups: dict[str, tuple[int, list[str]]], limit: int) -> dict[str, Any]:
    largest = heapq.nsmallest(limit, groups.items(), key=lambda item: (-item[1][0], item[0]))
    return {
        "triples": sum(count for count, _ in groups.values()),
        "relations": len(groups),
        "groups": [
            {
                "relation": relation,
                "triples": count,
                "entities": [{"id": end, "name": store.info(end).name} for end in ends],
            }
            for relation, (count, ends) in largest
        ],
    }
