"""Edits of what a knowledge plugin knows, while it is at work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock

from kpframework.api.injector import Injector
from kpframework.api.kb import Entity, Triple
from kpframework.api.linker import Linker
from kpframework.errors import KpError
from kpframework.inject.contents import Contents
from kpframework.inject.edits import KnowledgeEdit, Vector
from kpframework.kb.edited import EditedKB
from kpframework.kb.edited_table import EditedTable
from kpframework.kb.store import KBStore
from kpframework.kb.table import EntityTable, Floats


class Editable:
    """Base of a plugin whose knowledge can be edited: in memory, until it is saved.

    Edits are made one after another, whatever thread they come from, and become visible by one
    assignment: a text is linked by what was there before, or by what is there after. Inputs that
    were encoded before are answered as they were encoded. Nothing is trained, no file is written.
    """

    def __init__(self, contents: Contents) -> None:
        self.contents = self._saved = contents
        self._drawn: list[Floats] = []
        self._lock = RLock()
        self._editing = False

    @property
    def injector(self) -> Injector:
        """The method."""
        return self.contents.injector

    @property
    def linker(self) -> Linker:
        """Finds mentions, by the names as they are now."""
        return self.contents.linker

    @property
    def kb(self) -> KBStore | EditedKB:
        """The knowledge base as it is now."""
        return self.contents.kb

    @property
    def table(self) -> EntityTable | EditedTable | None:
        """The entity vectors as they are now; None for a method that uses none."""
        return self.contents.table

    @contextmanager
    def edit(self) -> Iterator[KnowledgeEdit]:
        """Make several edits visible together; none of them where one fails.

        Raises:
            KpError: KP790, the method's `kb_update` is not ``free``; KP795, inside another edit.
        """
        update = self.injector.kb_update
        if update != "free":
            raise KpError(
                "KP790",
                f"what {type(self.injector).__name__} knows cannot be edited: its kb_update is "
                f"{update!r}",
                "run the spec again with the new knowledge base"
                if update != "none"
                else "use a method that reads the knowledge base",
            )
        with self._lock:
            if self._editing:
                raise KpError("KP795", "this edit begins inside another", "end the other first")
            self._editing = True
            edit = KnowledgeEdit(self.contents, self._drawn)
            try:
                yield edit
                contents, self._drawn = edit.finish()
                self._swap(contents)
            finally:
                edit.end()
                self._editing = False

    def add_entity(
        self, entity: Entity, vector: Vector | None = None, triples: Iterable[Triple] = ()
    ) -> None:
        """Put one entity in; see `KnowledgeEdit.add_entity`."""
        with self.edit() as edit:
            edit.add_entity(entity, vector, triples)

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
        """Change what is given of one entity; see `KnowledgeEdit.update_entity`."""
        with self.edit() as edit:
            edit.update_entity(
                entity,
                vector=vector,
                name=name,
                aliases=aliases,
                types=types,
                description=description,
                xrefs=xrefs,
                triples=triples,
            )

    def remove_entity(self, entity: str) -> None:
        """Take one entity out; see `KnowledgeEdit.remove_entity`."""
        with self.edit() as edit:
            edit.remove_entity(entity)

    def discard_edits(self) -> None:
        """Go back to the knowledge that was loaded.

        Raises:
            KpError: KP795, inside an edit.
        """
        with self._lock:
            if self._editing:
                raise KpError("KP795", "an edit is under way", "end it first")
            saved, table = self._saved, self._saved.table
            if isinstance(table, EntityTable) and self._drawn:
                # Rows of inputs that are encoded already keep their vectors.
                table = EditedTable(table, {}, frozenset(), self._drawn)
            self._swap(Contents(saved.injector, saved.linker, saved.kb, table))

    def _swap(self, contents: Contents) -> None:
        """Answer from other contents."""
        self.contents = contents
