"""Leakage control: triples that give away a task's answers are dropped before training."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
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


def exclude_triples(
    store: KBStore,
    pairs: Sequence[Pair],
    folder: Path,
    match: Match,
    relations: Sequence[str] | None = None,
) -> KBStore:
    """Write a store without the triples that leak, all entities kept.

    Its counts gain ``excluded`` (triples dropped), ``instances`` (that were looked at) and
    ``leaking_instances`` (for which at least one triple was dropped).

    Args:
        store: what to filter.
        pairs: the instances; ids may be of another id space (``UMLS:C0003706``).
        folder: where the new store goes.
        match: ``pair`` every triple that joins the two ends, either way; ``exact`` the very
            (head, relation, tail); ``head`` every triple that leaves one of the instance's ends.
        relations: only triples of these are dropped; None drops any.

    Raises:
        KpError: KP404 a relation of the filter is not in the knowledge base, KP405 ``exact`` for
            instances without relations.
    """
    candidates = _of_relations(store, relations)
    triples = store.triples
    ends = _rows(store, pairs)
    if match == "head":
        dropped = candidates & np.isin(triples[:, 0], ends[ends >= 0])
        leaking = np.isin(ends, np.unique(triples[dropped, 0])).any(axis=1)
    else:
        numbers = np.zeros(len(pairs), dtype=np.int64)
        known: Mask = np.all(ends >= 0, axis=1)
        joined = triples[:, [0, 2]]
        labels = np.zeros(len(triples), dtype=np.int64)
        if match == "pair":
            ends, joined = np.sort(ends, axis=1), np.sort(joined, axis=1)
        else:
            numbers, labels = _relation_numbers(store, pairs), triples[:, 1]
            known &= numbers >= 0
        wanted = np.column_stack([ends, numbers])
        held = np.column_stack([joined, labels])
        dropped, leaking = _common(held, candidates, wanted, known)
    return _write(store, folder, dropped, len(pairs), int(leaking.sum()))


def _rows(store: KBStore, pairs: Sequence[Pair]) -> Ints:
    """Return shape (instances, 2): integers of head and tail, -1 where not in the store."""
    if not pairs:
        return np.empty((0, 2), dtype=np.int64)
    return np.column_stack([store.rows([pair[end] for pair in pairs]) for end in (0, 1)])


def _of_relations(store: KBStore, relations: Sequence[str] | None) -> Mask:
    if relations is None:
        return np.ones(len(store.triples), dtype=bool)
    known = {name: number for number, name in enumerate(store.relations)}
    for name in relations:
        if name not in known:
            raise KpError(
                "KP404",
                f"knowledge base {store.name!r} has no relation {name!r}",
                f"choose from: {', '.join(store.relations[:20])}",
            )
    return np.isin(store.triples[:, 1], [known[name] for name in relations])


def _relation_numbers(store: KBStore, pairs: Sequence[Pair]) -> Ints:
    if pairs and not any(relation for _, _, relation in pairs):
        raise KpError(
            "KP405",
            "match 'exact' compares relations, but the task's instances have none",
            "use match 'pair'",
        )
    known = {name: number for number, name in enumerate(store.relations)}
    return np.array([known.get(relation, -1) for _, _, relation in pairs], dtype=np.int64)


def _common(held: Ints, candidates: Mask, wanted: Ints, known: Mask) -> tuple[Mask, Mask]:
    """Return which candidate rows of ``held`` are wanted, and which wanted rows are held.

    Rows are numbered together, so that a row of three integers compares as one; those whose ends
    are in no instance are left out first, since numbering sorts.
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


def _write(store: KBStore, folder: Path, dropped: Mask, instances: int, leaking: int) -> KBStore:
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
        "instances": instances,
        "leaking_instances": leaking,
    }
    write_json(folder / METADATA, description)
    return open_store(folder)
