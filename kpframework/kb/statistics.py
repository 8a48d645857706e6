"""What a stored knowledge base consists of, counted in one pass over it, a batch at a time."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kpframework.api.context import Advance, Context
from kpframework.errors import KpError
from kpframework.kb.text_index import folded, hashes

if TYPE_CHECKING:
    from kpframework.kb.store import KBStore

Progress = Callable[[str, int | None], AbstractContextManager[Advance]]

SILENT: Progress = Context().progress

_FIELDS = ("name", "aliases", "types", "description", "xrefs")
_SPACE = r"(?s):.*$"


def statistics(store: KBStore, limit: int = 10, progress: Progress = SILENT) -> dict[str, Any]:
    """Return counts, degrees, relations, types and ambiguous names of a store, as JSON.

    Sixteen bytes an entity are held for the degrees; else a batch, and a count for each type and
    id space.

    Args:
        store: the knowledge base.
        limit: relations, types, id spaces and ambiguous names that are listed, the largest first.
        progress: told how far the pass is.
    """
    counts = store.counts
    with progress("triples", counts["triples"]) as advance:
        degrees, relations = _triples(store, advance)
    with progress("entities", counts["entities"]) as advance:
        having, types, spaces = _entities(store, advance)
    used = np.argsort(-relations, kind="stable")[:limit].tolist()
    ambiguity = ambiguous_names(store, limit)
    return {
        "kb": store.name,
        "folder": str(store.folder),
        "metadata": {key: text for key, text in store.metadata.items() if key not in counts},
        "counts": {
            **counts,
            "names": having["names"],
            "distinct_names": ambiguity.pop("distinct"),
            "types": len(types),
            "cross_references": sum(spaces.values()),
            "id_spaces": len(spaces),
        },
        "degrees": degrees,
        "relations": [
            {"relation": store.relations[at], "triples": int(relations[at])} for at in used
        ],
        "types": [{"type": name, "entities": n} for name, n in _most(types, limit)],
        "id_spaces": [{"space": name, "xrefs": n} for name, n in _most(spaces, limit)],
        "with": {
            field: {
                "entities": having[field],
                "share": having[field] / counts["entities"] if counts["entities"] else 0.0,
            }
            for field in _FIELDS
        },
        "ambiguous_names": ambiguity,
    }


def ambiguous_names(store: KBStore, limit: int) -> dict[str, Any]:
    """Return how many names mean several entities, case aside, and the worst of them."""
    distinct = ambiguous = 0
    worst: list[tuple[int, int, int]] = []
    for texts, entities, rows in store.name_index.shared():
        several = np.flatnonzero(entities > 1)
        distinct += len(texts)
        ambiguous += len(several)
        top = several[np.argsort(-entities[several], kind="stable")[:limit]]
        found = zip(entities[top].tolist(), texts[top].tolist(), rows[top].tolist(), strict=True)
        worst = heapq.nlargest(limit, [*worst, *found])
    return {
        "distinct": distinct,
        "names": ambiguous,
        "share": ambiguous / distinct if distinct else 0.0,
        "worst": [
            {"name": _name_of(store, text, row), "entities": count} for count, text, row in worst
        ],
    }


def _name_of(store: KBStore, text: int, row: int) -> str:
    """Return the name of an entity that a hash of the index stands for."""
    info = store.info(store.entity_ids[row])
    names = [name for name in (info.name, *info.aliases) if name]
    at: int = hashes([folded(name) for name in names]).tolist().index(text)
    return names[at]


def _triples(store: KBStore, advance: Advance) -> tuple[dict[str, Any], npt.NDArray[np.int64]]:
    """Return the degrees, and the triples of each relation."""
    entities = store.counts["entities"]
    relations = np.zeros(len(store.relations), dtype=np.int64)
    leaving, arriving = np.zeros((2, entities), dtype=np.int64)
    for batch in store.triple_batches():
        refuse_misplaced(store, batch)
        relations += np.bincount(batch[:, 1], minlength=len(relations))
        for degree, column in ((leaving, 0), (arriving, 2)):
            rows, counts = np.unique(batch[:, column], return_counts=True)
            degree[rows] += counts
        advance(len(batch))
    isolated = int(((leaving == 0) & (arriving == 0)).sum())
    return {
        "out": _degree(store, leaving),
        "in": _degree(store, arriving),
        "isolated": isolated,
    }, relations


def misplaced(
    triples: npt.NDArray[np.int64], entities: int, relations: int
) -> npt.NDArray[np.bool_]:
    """Return which rows, of shape (n, 3), hold an integer that stands for nothing."""
    beyond = (triples < 0) | (triples >= [entities, relations, entities])
    found: npt.NDArray[np.bool_] = np.any(beyond, axis=1)
    return found


def refuse_misplaced(store: KBStore, triples: npt.NDArray[np.int64]) -> None:
    """Raise KP400 where `misplaced` finds a row."""
    if misplaced(triples, store.counts["entities"], len(store.relations)).any():
        raise KpError(
            "KP400",
            "not a stored knowledge base: triples name entities or relations it does not have",
            "`kpframework kb audit` counts them; build it again",
            str(store.folder),
        )


def _degree(store: KBStore, degree: npt.NDArray[np.int64]) -> dict[str, Any]:
    if not len(degree):
        return {"mean": 0.0, "median": 0.0, "max": 0, "entity": None}
    most = int(degree.argmax())
    return {
        "mean": float(degree.mean()),
        "median": float(np.median(degree)),
        "max": int(degree[most]),
        "entity": store.entity_ids[most],
    }


def _entities(store: KBStore, advance: Advance) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return the entities that have each field (and all names), by type, and xrefs by space."""
    having, types, spaces = Counter[str](), Counter[str](), Counter[str]()
    for batch in store.entity_batches(_FIELDS):
        for field in _FIELDS:
            column = batch.column(field)
            length = pc.binary_length if pa.types.is_string(column.type) else pc.list_value_length
            having[field] += pc.sum(pc.greater(length(column), 0)).as_py() or 0
        having["names"] += len(pc.list_flatten(batch.column("aliases")))
        _add(types, pc.list_flatten(batch.column("types")))
        _add(spaces, _spaces(pc.list_flatten(batch.column("xrefs"))))
        advance(len(batch))
    having["names"] += having["name"]
    return having, types, spaces


def _spaces(xrefs: pa.Array) -> pa.Array:
    """Return the ``SPACE`` of each ``SPACE:id``; nothing where there is none."""
    named = pc.match_substring(xrefs, ":")
    return pc.if_else(named, pc.replace_substring_regex(xrefs, _SPACE, ""), "")


def _add(counts: Counter[str], texts: pa.Array) -> None:
    for found in pc.value_counts(texts).to_pylist():
        counts[found["values"]] += found["counts"]


def _most(counts: Counter[str], limit: int) -> Sequence[tuple[str, int]]:
    return heapq.nsmallest(limit, counts.items(), key=lambda item: (-item[1], item[0]))
