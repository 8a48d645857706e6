"""One transaction on the knowledge of a plugin: entities put in, changed and taken out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kpframework.api.injector import Injector
from kpframework.api.kb import Entity, Triple
from kpframework.errors import KpError
from kpframework.inject.contents import Contents
from kpframework.kb.edited import EditedKB
from kpframework.kb.edited_table import EditedTable
from kpframework.kb.sorting import checked
from kpframework.kb.table import EntityTable, Floats

Vector = Any
"""Anything numpy takes for an array of floats of shape (dim,), or ``"neighbours"``: the mean of the
vectors of the entities it shares a triple with. That is pooling of neighbours, as Hamaguchi et al.
(IJCAI 2017) do, without what they train; a mean is shorter than the table's own vectors are."""


class KnowledgeEdit:
    """Several edits that become visible together; made by ``plugin.edit()``.

    ::

        with plugin.edit() as edit:
            edit.add_entity(Entity("X:1", "blue finger"), vector="neighbours",
                            triples=[Triple("X:1", "is_a", "HP:0001166")])
            edit.remove_entity("HP:0000002")
    """

    def __init__(self, contents: Contents, drawn: Sequence[Floats]) -> None:
        self._before = contents
        kb, table = contents.kb, contents.table
        none = frozenset[str]()
        edited = kb if isinstance(kb, EditedKB) else EditedKB(kb, {}, none, none, ())
        self._base = edited.base
        self._put = dict(edited.put)
        self._removed, self._cut = set(edited.removed), set(edited.cut)
        self._triples = dict.fromkeys(edited.extra)
        self._rows: dict[str, int] = {}
        self._gone: set[str] = set()
        self._base_table: EntityTable | None
        if isinstance(table, EditedTable):
            self._base_table = table.base
            self._rows.update(table.put)
            self._gone.update(table.removed)
        else:
            self._base_table = table
        self._drawn = list(drawn)
        self._touched: set[str] = set()
        self._ended = False

    def add_entity(
        self, entity: Entity, vector: Vector | None = None, triples: Iterable[Triple] = ()
    ) -> None:
        """Put an entity in.

        Args:
            entity: its id is new.
            vector: see `Vector`; needed where the method uses vectors, refused where it does not.
            triples: of this entity with others that are there.

        Raises:
            KpError: KP402 it has no id or not one prior for each name; KP791 the id is taken;
                KP793 no usable vector; KP794 a triple is not of this entity with another.
        """
        self._open()
        entity = checked(entity)
        if self._has(entity.id):
            raise KpError(
                "KP791",
                f"the knowledge base has an entity {entity.id!r} already",
                "use update_entity() to change it, or another id",
            )
        given = self._of_entity(entity.id, triples)
        row = self._vector(entity.id, vector, given)
        if row is None and self._base_table is not None:
            raise KpError(
                "KP793",
                f"{entity.id!r} has no vector, so nothing would change where it is mentioned",
                "give its vector, or vector='neighbours' with triples",
            )
        self._put[entity.id] = entity
        self._removed.discard(entity.id)
        self._triples.update(dict.fromkeys(given))
        self._touched.add(entity.id)
        self._draw(entity.id, row)

    def update_entity(
        self,
        entity: str,
        *,
        vector: Vector | None = None,
        name: str | None = None,
        aliases: Sequence[str] | None = None,
        types: Sequence[str] | None = None,
        description: str | None = None,
        xrefs: Sequence[str] | None = None,
        triples: Iterable[Triple] = (),
    ) -> None:
        """Change what is given of an entity and leave the rest; ``triples`` are added.

        A name that stays keeps its prior; a new one has 1.0, as everywhere where none is known.

        Raises:
            KpError: KP792 there is no such entity; KP793 and KP794 as in `add_entity`.
        """
        self._open()
        self._known(entity)
        given = self._of_entity(entity, triples)
        row = self._vector(entity, vector, given)
        fields = {
            "name": name,
            "aliases": None if aliases is None else tuple(aliases),
            "types": None if types is None else tuple(types),
            "description": description,
            "xrefs": None if xrefs is None else tuple(xrefs),
        }
        changes: dict[str, Any] = {key: own for key, own in fields.items() if own is not None}
        if changes:
            old = self._put[entity] if entity in self._put else self._base.record(entity)
            if old.priors:
                known = dict(zip((old.name, *old.aliases), old.priors, strict=True))
                names = (changes.get("name", old.name), *changes.get("aliases", old.aliases))
                changes["priors"] = tuple(known.get(own, 1.0) for own in names)
            self._put[entity] = checked(replace(old, **changes))
        if changes or given:
            self._touched.add(entity)
        self._triples.update(dict.fromkeys(given))
        self._draw(entity, row)

    def remove_entity(self, entity: str) -> None:
        """Take an entity out, with its vector and triples.

        Raises:
            KpError: KP792 there is no such entity.
        """
        self._open()
        self._known(entity)
        self._put.pop(entity, None)
        self._rows.pop(entity, None)
        if self._base.entity_ids.row(entity) >= 0:
            self._removed.add(entity)
            self._cut.add(entity)
        if self._base_table is not None and self._base_table.row(entity) >= 0:
            self._gone.add(entity)
        self._triples = {t: None for t in self._triples if entity not in (t.head, t.tail)}
        self._touched.add(entity)

    def finish(self) -> tuple[Contents, list[Floats]]:
        """Return the edited contents, and all vectors that were ever put over the table."""
        self._open()
        self._ended = True
        before, kb, table = self._before, self._before.kb, self._before.table
        injector, linker = before.injector, before.linker
        if self._touched:
            edited = self._put or self._cut or self._triples
            kb = self._base
            if edited:
                parts = frozenset(self._removed), frozenset(self._cut), tuple(self._triples)
                kb = EditedKB(self._base, self._put, *parts)
            linker = linker.revised(kb, frozenset(self._touched))
            injector = _revised(injector, kb)
        if self._base_table is not None:
            table = EditedTable(self._base_table, self._rows, frozenset(self._gone), self._drawn)
        return Contents(injector, linker, kb, table), self._drawn

    def end(self) -> None:
        """Take no more edits."""
        self._ended = True

    def _open(self) -> None:
        if self._ended:
            raise KpError("KP795", "this edit has ended", "begin another with plugin.edit()")

    def _has(self, entity: str) -> bool:
        there = self._base.entity_ids.row(entity) >= 0 and entity not in self._removed
        return entity in self._put or there

    def _known(self, entity: str) -> None:
        if not self._has(entity):
            raise KpError(
                "KP792",
                f"the knowledge base has no entity {entity!r}",
                "give one of its ids; plugin.kb.find(NAME) lists those of a name",
            )

    def _of_entity(self, entity: str, triples: Iterable[Triple]) -> list[Triple]:
        given = list(triples)
        for triple in given:
            ends = {triple.head, triple.tail}
            if entity not in ends or not triple.relation:
                message = f"{triple} is no triple of {entity!r} with a relation"
                raise KpError("KP794", message, "give triples of the entity that is edited")
            for other in ends - {entity}:
                if not self._has(other):
                    message = f"{triple} names {other!r}, which the knowledge base does not have"
                    raise KpError("KP794", message, "add that entity first")
        return given

    def _vector(self, entity: str, vector: Vector | None, triples: list[Triple]) -> Floats | None:
        if vector is None:
            return None
        table = self._base_table
        if table is None:
            name = type(self._before.injector).__name__
            raise KpError("KP793", f"{name} uses no entity vectors", "leave the vector out")
        mean = isinstance(vector, str) and vector == "neighbours"
        own = self._mean(entity, triples) if mean else np.asarray(vector)
        if own.shape != (table.dim,) or own.dtype.kind not in "fiu":
            message = f"a vector of {entity!r} is {own.dtype} of shape {own.shape}"
            raise KpError("KP793", message, f"give {table.dim} numbers")
        with np.errstate(over="ignore"):
            row: Floats = own.astype(table.dtype)
        if not np.isfinite(row).all():
            message = f"the vector of {entity!r} has a value that is not finite in {table.dtype}"
            raise KpError("KP793", message, "give finite numbers")
        return row

    def _mean(self, entity: str, triples: list[Triple]) -> Floats:
        """Return the mean vector of the ends of triples given, put in, and stored as leaving it."""
        table = self._base_table
        assert table is not None
        found = [*triples, *(t for t in self._triples if entity in (t.head, t.tail))]
        if entity not in self._cut and self._base.entity_ids.row(entity) >= 0:
            found += (t for t in self._base.outgoing(entity) if t.tail not in self._cut)
        ends = {end for triple in found for end in (triple.head, triple.tail)}
        now = EditedTable(table, self._rows, frozenset(self._gone), self._drawn)
        rows = now.rows(sorted(ends - {entity}))
        rows = rows[rows >= 0]
        if not len(rows):
            raise KpError(
                "KP793",
                f"no entity that {entity!r} shares a triple with has a vector",
                "give triples with entities of the table, or the vector itself",
            )
        mean: Floats = now.gather(rows).mean(axis=0, dtype=np.float64)
        return mean

    def _draw(self, entity: str, row: Floats | None) -> None:
        if row is not None and self._base_table is not None:
            self._rows[entity] = len(self._base_table) + len(self._drawn)
            self._drawn.append(row)


def _revised(injector: Injector, kb: Any) -> Injector:
    """Return an injector that has read the edited knowledge base, if it reads any."""
    if not injector.needs_kb:
        return injector
    made = type(injector)(injector.config, injector.context)
    made.prepare(kb)
    return made
