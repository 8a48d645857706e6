"""A stored knowledge base with entities put in, changed and taken out, in memory."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from kpframework.api.context import Context
from kpframework.api.kb import Entity, EntityInfo, KBProvider, Triple
from kpframework.kb.merged_ids import MergedIds
from kpframework.kb.store import KBStore, as_info, build_store
from kpframework.kb.text_index import folded

if TYPE_CHECKING:
    import networkx as nx


class EditedKB:
    """A store seen with its edits (`kpframework.api.KnowledgeBase`); the store is never written.

    What it yields, and in which order, is what a store of the edited content would. Relations that
    lost their last triple are still named.

    Args:
        base: the store.
        put: entities by id, new ones and those that stand for the store's.
        removed: ids of the store that are not there any more.
        cut: ids of the store whose triples are not there any more: those that were removed, be it
            that they were put in again.
        triples: between entities that are there; may repeat one of the store.
    """

    def __init__(
        self,
        base: KBStore,
        put: Mapping[str, Entity],
        removed: frozenset[str],
        cut: frozenset[str],
        triples: tuple[Triple, ...],
    ) -> None:
        self.base = base
        self.put = dict(put)
        self.removed = removed
        self.cut = cut
        self.extra = triples

    @property
    def name(self) -> str:
        """The id the spec gave it."""
        return self.base.name

    @property
    def folder(self) -> Path:
        """Where the store lies, without the edits."""
        return self.base.folder

    @property
    def fingerprint(self) -> None:
        """None: nothing is kept of a content that may change with the next edit."""
        return None

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the store says, with the entities as they are now, and how many were edited."""
        new = sum(self.base.entity_ids.row(entity) < 0 for entity in self.put)
        own = {
            "entities": len(self.entity_ids),
            "triples": len(self.triples),
            "relations": len(self.relations),
            "entities_added": new,
            "entities_changed": len(self.put) - new,
            "entities_removed": len(self.removed),
        }
        return {**self.base.metadata, **{key: str(value) for key, value in own.items()}}

    @cached_property
    def entity_ids(self) -> MergedIds:
        """String ids, sorted."""
        base = self.base.entity_ids
        new = [entity for entity in self.put if base.row(entity) < 0]
        return MergedIds(base, new, self.removed)

    @cached_property
    def relations(self) -> Sequence[str]:
        """Relation names, sorted."""
        return sorted({*self.base.relations, *(triple.relation for triple in self.extra)})

    @cached_property
    def triples(self) -> npt.NDArray[np.int64]:
        """Shape (triples, 3): head, relation, tail as integers, sorted; read-only."""
        number = {name: row for row, name in enumerate(self.relations)}
        moved = np.array([number[name] for name in self.base.relations], dtype=np.int64)
        kept = self.base.triples
        if self.cut:
            kept = kept[~np.isin(kept[:, ::2], self.base.entity_ids.rows(list(self.cut))).any(1)]
        heads, relations, tails = kept.T
        own = [self.entity_ids.from_base(heads), moved[relations]]
        kept = np.column_stack([*own, self.entity_ids.from_base(tails)])
        extra = np.empty((len(self.extra), 3), dtype=np.int64)
        extra[:, 0] = self.entity_ids.rows([triple.head for triple in self.extra])
        extra[:, 1] = [number[triple.relation] for triple in self.extra]
        extra[:, 2] = self.entity_ids.rows([triple.tail for triple in self.extra])
        triples = np.unique(np.concatenate([kept, extra]), axis=0)
        triples.flags.writeable = False
        return triples

    def row(self, entity: str) -> int | None:
        """Return the integer of an entity id, or of ``SPACE:id`` of another id space, or None."""
        found = self.entity_ids.row(entity)
        if found < 0:
            others = [own.id for own in self.put.values() if entity in own.xrefs]
            others += self._kept(self.base.xref_index.rows(entity))
            found = self.entity_ids.row(min(others)) if others else -1
        return found if found >= 0 else None

    def info(self, entity: str) -> EntityInfo:
        """Return what is known of an entity.

        Raises:
            KeyError: no such entity.
        """
        return as_info(self.record(entity))

    def record(self, entity: str) -> Entity:
        """Return an entity as its provider or an edit gave it, with its priors.

        Raises:
            KeyError: no such entity.
        """
        own = self._id(entity)
        return self.put[own] if own in self.put else self.base.record(own)

    def entities(self) -> Iterator[EntityInfo]:
        """Yield what is known of every entity, in order."""
        return map(as_info, self.stream())

    def find(self, name: str) -> list[str]:
        """Return the ids of the entities that have this name or alias, case aside, sorted."""
        wanted = folded(name)
        own = [e.id for e in self.put.values() if wanted in map(folded, filter(None, _names(e)))]
        return sorted(own + self._kept(self.base.name_index.rows(wanted)))

    def outgoing(self, entity: str) -> Iterator[Triple]:
        """Yield the triples that leave an entity, sorted.

        Raises:
            KeyError: no such entity.
        """
        own = self._id(entity)
        found = {triple for triple in self.extra if triple.head == own}
        if own not in self.cut and self.base.entity_ids.row(own) >= 0:
            found.update(t for t in self.base.outgoing(own) if t.tail not in self.cut)
        yield from sorted(found, key=lambda triple: (triple.relation, triple.tail))

    def stream(self) -> Iterator[Entity]:
        """Yield every entity with its priors, in order, a batch in memory at a time."""
        hidden = self.removed | self.put.keys()
        base = (entity for entity in self.base.stream() if entity.id not in hidden)
        own = sorted(self.put.values(), key=lambda entity: entity.id)
        yield from heapq.merge(base, own, key=lambda entity: entity.id)

    def names(self) -> Iterator[tuple[str, str, float]]:
        """Yield (name or alias, entity id, prior) in a stable order; prior 1.0 where unknown."""
        for entity in self.stream():
            names = _names(entity)
            priors = entity.priors or (1.0,) * len(names)
            for name, prior in zip(names, priors, strict=True):
                if name:
                    yield name, entity.id, prior

    def to_networkx(self) -> nx.MultiDiGraph[str]:
        """Return the graph, as `KBStore.to_networkx` does."""
        graph = self.base.to_networkx()
        graph.remove_nodes_from(self.cut)
        own = self.put.values()
        graph.add_nodes_from((e.id, {"name": e.name, "types": e.types}) for e in own)
        graph.add_edges_from((t.head, t.tail, t.relation) for t in self.extra)
        return graph

    def write(self, folder: Path) -> KBStore:
        """Write a store of the edited content."""
        return build_store(_Content(self), folder, self.name, Context())

    def _id(self, entity: str) -> str:
        row = self.row(entity)
        if row is None:
            raise KeyError(entity)
        return self.entity_ids[row]

    def _kept(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of rows of the store that no edit hides."""
        ids = (self.base.entity_ids[row] for row in rows)
        return [text for text in ids if text not in self.put and text not in self.removed]


class _Content(KBProvider):
    """The edited content as a provider streams it."""

    def __init__(self, kb: EditedKB) -> None:
        super().__init__(None, Context())
        self._kb = kb

    def entities(self) -> Iterator[Entity]:
        return self._kb.stream()

    def triples(self) -> Iterator[Triple]:
        base, cut = self._kb.base, self._kb.cut
        ids, relations = base.entity_ids, base.relations
        for batch in base.triple_batches():
            for head, relation, tail in batch.tolist():
                triple = Triple(ids[head], relations[relation], ids[tail])
                if triple.head not in cut and triple.tail not in cut:
                    yield triple
        yield from self._kb.extra

    def metadata(self) -> Mapping[str, str]:
        base = self._kb.base
        return {key: text for key, text in base.metadata.items() if key not in base.counts}


def _names(entity: Entity) -> tuple[str, ...]:
    return (entity.name, *entity.aliases)
