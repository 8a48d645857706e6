"""Knowledge bases: a provider streams one in, the core keeps it as Parquet with integer ids."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from kpframework.api.context import Context

if TYPE_CHECKING:
    import networkx as nx
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Entity:
    """An entity as its provider reads it."""

    id: str
    name: str = ""
    aliases: tuple[str, ...] = ()
    """Other names; the preferred name need not be repeated."""
    priors: tuple[float, ...] = ()
    """How likely each of ``(name, *aliases)`` means this entity; empty if not known."""
    types: tuple[str, ...] = ()
    description: str = ""
    xrefs: tuple[str, ...] = ()
    """The same entity in other id spaces, as ``SPACE:id``: ``UMLS:C0003706``."""


@dataclass(frozen=True)
class Triple:
    """``head --relation--> tail``."""

    head: str
    relation: str
    tail: str


def id_in_space(entity: str, space: str | None) -> str:
    """Return an id of another id space as `KnowledgeBase.row` is asked for it, ``SPACE:id``.

    Args:
        entity: may name the space itself, as ``MESH:D003110`` does; it is not named twice.
        space: empty or None where the ids are the knowledge base's own.
    """
    return entity if not space or entity.startswith(f"{space}:") else f"{space}:{entity}"


class KBProvider(ABC):
    """Reads a knowledge base. Both methods stream; nothing is kept in memory by the caller.

    A triple may name an entity that `entities` does not yield: it becomes one without a name.
    """

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def entities(self) -> Iterator[Entity]:
        """Yield every entity once.

        Raises:
            KpError: a file is malformed; names file and line.
        """

    @abstractmethod
    def triples(self) -> Iterator[Triple]:
        """Yield every triple; repeated ones are dropped by the store."""

    def files(self) -> Sequence[Path]:
        """Return files read that no option names, such as a package's data; they enter the key."""
        return ()

    def metadata(self) -> Mapping[str, str]:
        """Return ``release``, ``licence`` and ``source`` as far as they are known."""
        return {}


@dataclass(frozen=True)
class EntityInfo:
    """What the store knows of one entity."""

    id: str
    name: str
    aliases: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    description: str = ""
    xrefs: tuple[str, ...] = field(default=())


class KnowledgeBase(Protocol):
    """A stored knowledge base, as linkers, embeddings and tasks see it.

    Entities and relations have integer ids: their rows in `entity_ids` and `relations`, in sorted
    order of their string ids, so that the same content always gives the same integers.
    """

    @property
    def name(self) -> str:
        """The id the spec gives it."""

    @property
    def fingerprint(self) -> str | None:
        """Equal for equal content; None where that is not known, as after an edit in memory."""

    @property
    def metadata(self) -> Mapping[str, str]:
        """Release, licence and source, and counts."""

    @property
    def entity_ids(self) -> Sequence[str]:
        """String ids, sorted."""

    @property
    def relations(self) -> Sequence[str]:
        """Relation names, sorted."""

    @property
    def triples(self) -> npt.NDArray[np.int64]:
        """Shape (triples, 3): head, relation, tail as integers, sorted."""

    def row(self, entity: str) -> int | None:
        """Return the integer of an entity id, or of ``SPACE:id`` of another id space, or None."""

    def info(self, entity: str) -> EntityInfo:
        """Return what is known of an entity.

        Raises:
            KeyError: no such entity.
        """

    def entities(self) -> Iterator[EntityInfo]:
        """Yield what is known of every entity, in order of the ids."""

    def find(self, name: str) -> list[str]:
        """Return the ids of the entities that have this name or alias, case aside, sorted."""

    def outgoing(self, entity: str) -> Iterator[Triple]:
        """Yield the triples that leave an entity, sorted; for a look, where `triples` is for many.

        Raises:
            KeyError: no such entity.
        """

    def names(self) -> Iterator[tuple[str, str, float]]:
        """Yield (name or alias, entity id, prior) in a stable order; prior 1.0 where unknown."""

    def to_networkx(self) -> nx.MultiDiGraph:
        """Return the graph: nodes are entity ids with name and types, edge keys are relations."""
