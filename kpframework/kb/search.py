"""Searching a stored knowledge base by name, and what to say of an entity that is not there."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterator
from difflib import SequenceMatcher, get_close_matches
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from kpframework.api.context import Advance
from kpframework.api.kb import EntityInfo
from kpframework.errors import SpecError
from kpframework.kb.statistics import SILENT, Progress
from kpframework.kb.text_index import folded

if TYPE_CHECKING:
    from kpframework.kb.store import KBStore

_NAMED = ("id", "name", "aliases")
_AROUND = 200
"""Ids on either side of an unknown one that are compared with it."""
_COMPARED = 100_000
"""Names that are compared with an unknown one, at most."""
_ALIKE = 0.75

_Rank = tuple[int, int, int, str, str]
"""How near the start of a name the text stands, alias or name, its length, name and id."""


def search(
    store: KBStore, text: str, limit: int = 10, progress: Progress = SILENT
) -> dict[str, Any]:
    """Return the entities with a name or alias that is, or contains, a text, as JSON.

    Case and the width of blanks do not matter. Names that are the text come first; then those that
    start with it, those in which a word does, and others; a name before an alias, a short one
    before a long one. ``limit`` entities and one batch are in memory.

    Args:
        store: the knowledge base.
        text: part of a name.
        limit: entities that are returned, at most.
        progress: told how far the search is.

    Returns:
        ``exact`` and ``containing`` count entities; the latter is null where the former fill the
        limit, since names are then not read.
    """
    rows = store.name_index.rows(folded(text))
    exact = [store.entity_ids[row] for row in rows[:limit]]
    found = [_shown(store, entity, _spelt(store.info(entity), text)) for entity in exact]
    containing: int | None = None
    if len(exact) < limit:
        known, containing, best = set(exact), 0, list[_Rank]()
        with progress("names", store.counts["entities"]) as advance:
            for ranks in _containing(store, text, advance):
                new = [rank for rank in ranks if rank[-1] not in known]
                containing += len(new)
                best = heapq.nsmallest(limit - len(exact), [*best, *new])
        found += [_shown(store, entity, name) for *_, name, entity in best]
    return {
        "kb": store.name,
        "text": text,
        "exact": len(rows),
        "containing": containing,
        "entities": found,
    }


def known_entity(store: KBStore, entity: str) -> str:
    """Return the id of an entity that is given by id, cross-reference, or a name of its own.

    Raises:
        SpecError: KP821 there is none, or several have that name.
    """
    row = store.row(entity)
    if row is not None:
        return store.entity_ids[row]
    named = store.name_index.rows(folded(entity))
    if len(named) == 1:
        return store.entity_ids[named[0]]
    if named:
        ids = ", ".join(store.entity_ids[at] for at in named[:10])
        more = f" and {len(named) - 10} more" if len(named) > 10 else ""
        raise SpecError(
            "KP821", f"{len(named)} entities are named {entity!r}", f"give an id: {ids}{more}"
        )
    near = suggestions(store, entity)
    hint = f" Did you mean {near[0]}?" if near else ""
    others = f"or {', '.join(near[1:])}; " if near[1:] else ""
    raise SpecError(
        "KP821",
        f"no entity of {store.name} has the id or the name {entity!r}.{hint}",
        f"{others}`kpframework kb search` finds entities by a part of their names",
    )


def suggestions(store: KBStore, entity: str, limit: int = 3) -> list[str]:
    """Return entities like one that is not there, each as ``id (name)``, the nearest first."""
    spellings = dict.fromkeys((entity, entity.upper()))
    ids = {i.lower(): i for s in spellings for i in store.entity_ids.around(s, _AROUND)}
    close = get_close_matches(entity.lower(), list(ids), limit, _ALIKE)
    near = dict.fromkeys(ids[lowered] for lowered in close)
    names: list[tuple[float, str]] = []
    alike = SequenceMatcher(None, b=folded(entity))  # what it knows of b it keeps
    least = _ALIKE
    for name, found in islice(_near_names(store, entity), _COMPARED):
        alike.set_seq1(folded(name))
        if alike.quick_ratio() >= least and (ratio := alike.ratio()) >= least:
            names = heapq.nsmallest(limit, [*names, (-ratio, found)])
            least = max(least, -names[-1][0]) if len(names) == limit else least
    for _, found in names:
        near.setdefault(found)
    return [_titled(store.info(found)) for found in list(near)[:limit]]


def _titled(info: EntityInfo) -> str:
    return f"{info.id!r} ({info.name})" if info.name else repr(info.id)


def _near_names(store: KBStore, text: str) -> Iterator[tuple[str, str]]:
    """Yield names of about a text's length that share its first or second half, with their ids.

    One slip of the keyboard leaves one half as it was.
    """
    half = len(text) // 2
    pattern = f"(?i:^{re.escape(text[:half])}|{re.escape(text[half:])}$)"
    with SILENT("", None) as advance:
        batches = _names(store, advance)
    for names, ids in batches:
        away = pc.abs(pc.subtract(pc.utf8_length(names), len(text)))
        fits = pc.and_(pc.less_equal(away, 2), pc.match_substring_regex(names, pattern))
        yield from zip(names.filter(fits).to_pylist(), ids.filter(fits).to_pylist(), strict=True)


def _names(store: KBStore, advance: Advance) -> Iterator[tuple[pa.Array, pa.Array]]:
    """Yield names, then aliases, of a batch of entities, each with the ids that have them."""
    for batch in store.entity_batches(_NAMED):
        aliases = batch.column("aliases")
        yield batch.column("name"), batch.column("id")
        yield pc.list_flatten(aliases), batch.column("id").take(pc.list_parent_indices(aliases))
        advance(len(batch))


def _containing(store: KBStore, text: str, advance: Advance) -> Iterator[list[_Rank]]:
    """Yield, for a batch of entities at a time, the best rank of each that contains a text."""
    words = r"\s+".join(map(re.escape, text.split()))
    if not words:
        return
    pattern = f"(?i:{words})"
    found = re.compile(pattern)
    best: dict[str, _Rank] = {}
    for part, (names, ids) in enumerate(_names(store, advance)):
        hits = pc.match_substring_regex(names, pattern)
        pairs = zip(names.filter(hits).to_pylist(), ids.filter(hits).to_pylist(), strict=True)
        for name, entity in pairs:
            match = found.search(name)
            rank = (_place(name, match), part % 2, len(name), name, entity)
            best[entity] = min(rank, best.get(entity, rank))
        if part % 2:  # names and aliases of these entities are both seen
            yield list(best.values())
            best = {}


def _place(name: str, match: re.Match[str] | None) -> int:
    """Return 0 at the start of a name, 1 at the start of a word, 2 elsewhere."""
    if match is None or match.start() == 0:
        return 0
    return 2 if name[match.start() - 1].isalnum() else 1


def _spelt(info: EntityInfo, text: str) -> str:
    wanted = folded(text)
    names = (name for name in (info.name, *info.aliases) if folded(name) == wanted)
    return next(names, info.name)


def _shown(store: KBStore, entity: str, matched: str) -> dict[str, Any]:
    info = store.info(entity)
    return {
        "id": info.id,
        "name": info.name,
        "matched": matched,
        "types": list(info.types),
        "description": info.description,
    }
