"""What a knowledge base's provider promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kpframework.api.context import Context
from kpframework.api.kb import Entity, Triple
from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject


def work(subject: Subject) -> dict[str, Any]:
    """Read everything of the provider."""
    provider = subject.create()
    entities, triples = provider.entities(), provider.triples()
    return {
        "streams": isinstance(entities, Iterator) and isinstance(triples, Iterator),
        "entities": list(entities),
        "triples": list(triples),
        "again": (list(provider.entities()), list(provider.triples())),
        "files": [str(path) for path in provider.files()],
        "metadata": dict(provider.metadata()),
    }


def _entities(subject: Subject) -> list[Entity]:
    found: list[Entity] = subject.result()["entities"]
    return found


def _triples(subject: Subject) -> list[Triple]:
    found: list[Triple] = subject.result()["triples"]
    return found


@check("kb")
def yields_what_the_api_names(subject: Subject) -> None:
    """Entities and triples are those of `kpframework.api`, and they are streamed."""
    wrong: list[Any] = [own for own in _entities(subject) if not isinstance(own, Entity)]
    wrong += [own for own in _triples(subject) if not isinstance(own, Triple)]
    ensure(not wrong, f"it yields {wrong[:1]}, which is neither Entity nor Triple")
    ensure(subject.result()["streams"], "entities() and triples() return lists, not iterators")
    ensure(bool(_entities(subject) or _triples(subject)), "the sample has no entity and no triple")


@check("kb")
def ids_are_unique(subject: Subject) -> None:
    """Every entity comes once, with an id that is text without blanks around it."""
    counts = Counter(own.id for own in _entities(subject))
    twice = [own for own, count in counts.items() if count > 1]
    ensure(not twice, f"these come twice: {twice[:3]}")
    odd = [own for own in counts if not isinstance(own, str) or not own or own != own.strip()]
    ensure(not odd, f"these are no ids: {odd[:3]}")


@check("kb")
def names_are_texts(subject: Subject) -> None:
    """Names, aliases, types and descriptions are texts; no alias is empty."""
    for own in _entities(subject):
        texts = [own.name, own.description, *own.aliases, *own.types, *own.xrefs]
        ensure(all(isinstance(text, str) for text in texts), f"{own.id}: {texts} are not all texts")
        ensure(all(alias.strip() for alias in own.aliases), f"{own.id} has an empty alias")
        ensure(all(ref.strip() for ref in own.xrefs), f"{own.id} has an empty cross-reference")


@check("kb")
def priors_match_the_names(subject: Subject) -> None:
    """Priors are none, or one in [0, 1] for the name and each alias."""
    for own in _entities(subject):
        names = 1 + len(own.aliases)
        ensure(len(own.priors) in (0, names), f"{own.id}: {len(own.priors)} for {names} names")
        ensure(all(0 <= prior <= 1 for prior in own.priors), f"{own.id}: {own.priors}")


@check("kb")
def triples_are_whole(subject: Subject) -> None:
    """Head, relation and tail of every triple are texts that are not empty."""
    for own in _triples(subject):
        parts = (own.head, own.relation, own.tail)
        ensure(all(isinstance(part, str) and part for part in parts), f"{own}")


@check("kb")
def triples_join_its_entities(subject: Subject) -> None:
    """Triples name entities by the ids that entities have, not in another space of ids."""
    known, triples = {own.id for own in _entities(subject)}, _triples(subject)
    if known and triples:
        for side, ids in (("head", [t.head for t in triples]), ("tail", [t.tail for t in triples])):
            ensure(
                any(own in known for own in ids),
                f"no {side} of a triple is an entity, such as {ids[0]!r}; "
                f"entities are called {next(iter(known))!r}",
            )


@check("kb")
def can_be_read_again(subject: Subject) -> None:
    """A provider gives the same entities and triples, in the same order, a second time."""
    own = subject.result()
    ensure(own["again"] == (own["entities"], own["triples"]), "the second reading is another")


@check("kb")
def can_be_stored(subject: Subject) -> None:
    """The store takes it, and has as many entities and triples as it yields."""
    from kpframework.kb.store import build_store

    folder = subject.world.new_scratch()
    store = build_store(subject.create(), folder / "kb", "own", Context(scratch=folder))
    named = {own.id for own in _entities(subject)}
    named |= {end for own in _triples(subject) for end in (own.head, own.tail)}
    found = (store.counts["entities"], store.counts["triples"])
    ensure(found == (len(named), len(set(_triples(subject)))), f"stored are {found}")


@check("kb")
def says_what_it_read(subject: Subject) -> None:
    """Files it names exist; release, licence and source are texts."""
    from pathlib import Path

    own = subject.result()
    missing = [path for path in own["files"] if not Path(path).is_file()]
    ensure(not missing, f"files() names {missing}, which are not there")
    metadata = own["metadata"]
    texts = isinstance(metadata, Mapping) and all(isinstance(v, str) for v in metadata.values())
    ensure(texts, f"metadata() is {metadata}")


@check("kb", when=lambda s: s.sample.entities is not None)
def entities_are_as_many_as_expected(subject: Subject) -> None:
    """It yields as many entities as the sample says."""
    count = len(_entities(subject))
    ensure(count == subject.sample.entities, f"{count}, not {subject.sample.entities}")


@check("kb", when=lambda s: s.sample.triples is not None)
def triples_are_as_many_as_expected(subject: Subject) -> None:
    """It yields as many triples as the sample says."""
    count = len(_triples(subject))
    ensure(count == subject.sample.triples, f"{count}, not {subject.sample.triples}")
