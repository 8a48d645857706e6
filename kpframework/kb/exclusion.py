"""Leakage control: triples that give away a task's answers are counted, or dropped."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from kpframework.errors import KpError
from kpframework.kb.build import (
    ENTITIES,
    METADATA,
    NAME_INDEX,
    RELATIONS,
    TRIPLES,
    XREF_INDEX,
    write_triples,
)
from kpframework.kb.files import write_json
from kpframework.kb.store import KBStore, open_store
from kpframework.writing import replacing

Match = Literal["pair", "exact", "head"]
Pair = tuple[str, str, str]
"""An instance's (head id, tail id, relation); an empty string where there is none."""

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_SHOWN = 20
"""Names that an error gives of many."""


def exclude_triples(
    store: KBStore,
    instances: Mapping[str, Sequence[Pair]],
    folder: Path,
    match: Match,
    relations: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> KBStore:
    """Write a store without the triples that leak, all entities kept.

    Its counts gain ``excluded`` (triples dropped), ``instances`` (that were looked at), ``checked``
    (of which the knowledge base knows what is compared) and ``leaking_instances`` (for which at
    least one triple was dropped); ``test_instances`` and ``leaking_test_instances`` are those of
    the split ``test``, if it is among them.

    Args:
        store: what to filter.
        instances: of each split; ids may be of another id space (``UMLS:C0003706``).
        folder: where the new store goes.
        match: ``pair`` every triple that joins the two ends, either way; ``exact`` the very
            (head, relation, tail); ``head`` every triple that leaves one of the instance's ends.
        relations: only triples of these are dropped; None drops any.
        labels: the store's relation for an instance's, where it is called otherwise.

    Raises:
        KpError: KP404 a relation of the filter or of the labels is not in the knowledge base, KP405
            ``exact`` for instances without a relation that it has, KP406 no instance can be checked
            because it does not have their entities.
    """
    pairs = [pair for own in instances.values() for pair in own]
    candidates = _of_relations(store, relations)
    triples = store.triples
    ends = _rows(store, pairs)
    if match == "head":
        checked: Mask = np.any(ends >= 0, axis=1)
        dropped = candidates & np.isin(triples[:, 0], ends[ends >= 0])
        leaking: Mask = np.any(np.isin(ends, np.unique(triples[dropped, 0])), axis=1)
    elif match == "pair":
        checked = np.all(ends >= 0, axis=1)
        dropped, leaking = _joining(store, candidates, ends, checked)
    else:
        wanted = np.column_stack([ends, _relation_numbers(store, pairs, labels or {})])
        checked = np.all(wanted >= 0, axis=1)
        dropped, leaking = _common(triples[:, [0, 2, 1]], candidates, wanted, checked)
    if pairs and not checked.any():
        raise _unchecked(store, pairs, match)
    counts = {
        "instances": len(pairs),
        "checked": int(checked.sum()),
        "leaking_instances": int(leaking.sum()),
    }
    if "test" in instances:
        tested = np.array([s == "test" for s, own in instances.items() for _ in own], dtype=bool)
        counts["test_instances"] = int(tested.sum())
        counts["leaking_test_instances"] = int(leaking[tested].sum())
    return _write(store, folder, dropped, counts)


def count_joined(store: KBStore, pairs: Sequence[Pair]) -> dict[str, int]:
    """Count instances whose two ends a triple joins, either way, and drop nothing.

    Args:
        store: whose triples a row may use.
        pairs: ids may be of another id space (``UMLS:C0003706``).

    Returns:
        How many ``instances`` there are, of how many the store has both ends (``checked``), and of
        how many of those a triple joins the two (``joined``).
    """
    ends = _rows(store, pairs)
    checked: Mask = np.all(ends >= 0, axis=1)
    _, joined = _joining(store, _of_relations(store, None), ends, checked)
    return {
        "instances": len(pairs),
        "checked": int(checked.sum()),
        "joined": int(joined.sum()),
    }


def _rows(store: KBStore, pairs: Sequence[Pair]) -> Ints:
    """Return shape (instances, 2): integers of head and tail, -1 where not in the store."""
    if not pairs:
        return np.empty((0, 2), dtype=np.int64)
    return np.column_stack([store.rows([pair[end] for pair in pairs]) for end in (0, 1)])


def _of_relations(store: KBStore, relations: Sequence[str] | None) -> Mask:
    if relations is None:
        return np.ones(len(store.triples), dtype=bool)
    return np.isin(store.triples[:, 1], _numbers(store, relations))


def _numbers(store: KBStore, relations: Iterable[str]) -> list[int]:
    known = {name: number for number, name in enumerate(store.relations)}
    for name in relations:
        if name not in known:
            raise KpError(
                "KP404",
                f"knowledge base {store.name!r} has no relation {name!r}",
                f"choose from: {_some(store.relations)}",
            )
    return [known[name] for name in relations]


def _relation_numbers(store: KBStore, pairs: Sequence[Pair], labels: Mapping[str, str]) -> Ints:
    known = {name: number for number, name in enumerate(store.relations)}
    known |= dict(zip(labels, _numbers(store, labels.values()), strict=True))
    numbers = np.array([known.get(relation, -1) for _, _, relation in pairs], dtype=np.int64)
    if pairs and not np.any(numbers >= 0):
        named = list(dict.fromkeys(relation for _, _, relation in pairs if relation))
        if not named:
            message, fix = "but the task's instances have none", "use match 'pair'"
        else:
            message = f"but knowledge base {store.name!r} has none of the task's: {_some(named)}"
            fix = "name its relation for each in 'labels' of 'exclude', or use match 'pair'; "
            fix += f"it has: {_some(store.relations)}"
        raise KpError("KP405", f"match 'exact' compares relations, {message}", fix)
    return numbers


def _unchecked(store: KBStore, pairs: Sequence[Pair], match: Match) -> KpError:
    """Return the error for instances of which the knowledge base knows none."""
    named = dict.fromkeys(end for pair in pairs for end in pair[:2] if end)
    if not named:
        why, fix = "they name no entity", "let the data name the entities of their mentions"
    elif match != "head" and not any(head and tail for head, tail, _ in pairs):
        why = "each names one entity, and two are compared"
        fix = "use match 'head', or let the data name the other (cloze-qa: 'answer_entities')"
    else:
        why = f"the knowledge base does not know their entities, such as {_some(list(named))}"
        fix = f"bring the ids to one form; it has: {_some(store.entity_ids)}"
    return KpError(
        "KP406",
        f"match {match!r} can check none of the {len(pairs)} instances against knowledge base "
        f"{store.name!r}: {why}",
        fix,
    )


def _some(names: Sequence[str]) -> str:
    more = ", …" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _joining(store: KBStore, candidates: Mask, ends: Ints, known: Mask) -> tuple[Mask, Mask]:
    """Return which candidate triples join two known ends, and which of those are joined."""
    if not known.any():  # large stores are not sorted for nothing
        return np.zeros(len(candidates), dtype=bool), np.zeros(len(ends), dtype=bool)
    held = np.sort(store.triples[:, [0, 2]], axis=1)
    return _common(held, candidates, np.sort(ends, axis=1), known)


def _common(held: Ints, candidates: Mask, wanted: Ints, known: Mask) -> tuple[Mask, Mask]:
    """Return which candidate rows of ``held`` are wanted, and which wanted rows are held.

    Rows are numbered together, so that a row of integers, two ends first, compares as one; those
    whose ends are in no instance are left out first, since numbering sorts.
    """
    ends = np.unique(wanted[known, :2])
    candidates = candidates & np.isin(held[:, 0], ends) & np.isin(held[:, 1], ends)
    rows = np.concatenate([held[candidates], wanted[known]])
    _, number = np.unique(rows, axis=0, return_inverse=True)
    number = number.reshape(-1)
    split = int(candidates.sum())
    dropped, leaking = np.zeros(len(held), dtype=bool), np.zeros(len(wanted), dtype=bool)
    dropped[candidates] = np.isin(number[:split], number[split:])
    leaking[known] = np.isin(number[split:], number[:split])
    return dropped, leaking


def _write(store: KBStore, folder: Path, dropped: Mask, counts: Mapping[str, int]) -> KBStore:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (ENTITIES, RELATIONS, NAME_INDEX, XREF_INDEX):
        if (store.folder / name).is_file():  # a store written before there were indices has none
            with replacing(folder / name) as temporary:
                shutil.copyfile(store.folder / name, temporary)
    write_triples(folder / TRIPLES, [store.triples[~dropped]])
    description = json.loads((store.folder / METADATA).read_text(encoding="utf-8"))
    excluded = int(dropped.sum())
    description["counts"] |= {
        "triples": len(dropped) - excluded,
        "excluded": excluded,
        **counts,
    }
    write_json(folder / METADATA, description)
    return open_store(folder)
