"""What in a stored knowledge base may do harm or mislead, counted, with examples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kpframework.kb.statistics import SILENT, Progress, misplaced
from kpframework.kb.suspicious import CHECKS, Check, excerpt
from kpframework.kb.text_index import folded, hashes
from kpframework.safe import safe_raw

if TYPE_CHECKING:
    from kpframework.kb.store import KBStore

_FIELDS = ("id", "name", "aliases", "types", "description", "xrefs")

Example = dict[str, Any]

STRUCTURE = {
    "repeated-triples": "triples that the provider gives more than once; one of each is stored",
    "same-name-and-description": "entities that are like another in name and description",
    "shared-cross-references": "cross-references that several entities have",
    "without-name": "entities without a name",
    "known-from-triples-only": "entities that triples name and of which nothing is known",
    "self-loops": "triples whose head is their tail",
    "misplaced": "stored triples that stand for no entity or relation: the store is damaged",
}
"""What is looked for beside the texts that `kpframework.kb.suspicious` tells."""


@dataclass
class _Finding:
    """How often something was found, and the first examples."""

    limit: int
    count: int = 0
    examples: list[Example] = field(default_factory=list)

    def add(self, count: int, examples: Iterable[Example] = ()) -> None:
        self.count += count
        for example in examples:
            if len(self.examples) >= self.limit:
                break
            self.examples.append({key: safe_raw(text) for key, text in example.items()})


def audit(store: KBStore, limit: int = 5, progress: Progress = SILENT) -> dict[str, Any]:
    """Return what is suspicious or wrong in a store, as JSON: a count and examples a finding.

    A text is counted once a check, however often it holds what is looked for. Texts of examples
    are cut, and made harmless for a terminal (`kpframework.safe`). Sixteen bytes an entity are
    held, to tell equal ones; else a batch.

    Args:
        store: the knowledge base.
        limit: examples of each finding.
        progress: told how far it is.
    """
    findings = {name: _Finding(limit) for name in (*(c.name for c in CHECKS), *STRUCTURE)}
    counts = store.counts
    findings["repeated-triples"].add(counts.get("duplicate_triples", 0))
    _shared_xrefs(store, findings["shared-cross-references"])
    with progress("entities", counts["entities"]) as advance:
        marks = []
        for batch in store.entity_batches(_FIELDS):
            _texts(batch, findings)
            marks.append(_bare(batch, findings))
            advance(len(batch))
    relations = pa.array(store.relations, pa.string())
    _matching("relation", relations, relations, findings)
    _alike(store, np.concatenate([*marks, np.empty(0, np.int64)]), findings)
    with progress("triples", counts["triples"]) as advance:
        for triples in store.triple_batches():
            _loops(store, triples, findings)
            advance(len(triples))
    meanings = {**{check.name: check.meaning for check in CHECKS}, **STRUCTURE}
    return {
        "kb": store.name,
        "folder": str(store.folder),
        "counts": {key: counts[key] for key in ("entities", "triples", "relations")},
        "findings": [
            {"check": name, "meaning": meanings[name], "count": f.count, "examples": f.examples}
            for name, f in findings.items()
        ],
    }


def _texts(batch: pa.RecordBatch, findings: Mapping[str, _Finding]) -> None:
    ids = batch.column("id")
    for name in _FIELDS:
        column, owners = batch.column(name), ids
        if pa.types.is_list(column.type):
            owners = ids.take(pc.list_parent_indices(column))
            column = pc.list_flatten(column)
        _matching(name, column, owners, findings)


def _matching(
    name: str, texts: pa.Array, owners: pa.Array, findings: Mapping[str, _Finding]
) -> None:
    checks = [check for check in CHECKS if name in check.fields]
    # One pass for all of them: nearly every text has none of it.
    hits = pc.match_substring_regex(texts, "|".join(check.pattern for check in checks))
    texts, owners = texts.filter(hits), owners.filter(hits)
    if not len(texts):
        return
    for check in checks:
        own = pc.match_substring_regex(texts, check.pattern)
        finding = findings[check.name]
        room = finding.limit - len(finding.examples)
        first = texts.filter(own).slice(0, room).to_pylist()
        first_owners = owners.filter(own).slice(0, room).to_pylist()
        finding.add(
            pc.sum(own).as_py() or 0,
            (_example(name, check, *pair) for pair in zip(first_owners, first, strict=True)),
        )


def _example(name: str, check: Check, owner: str, text: str) -> Example:
    place = {} if name == "relation" else {"entity": owner}
    singular = "alias" if name == "aliases" else name.removesuffix("s")
    return {**place, "field": singular, "text": excerpt(check, text)}


def _bare(batch: pa.RecordBatch, findings: Mapping[str, _Finding]) -> np.ndarray[Any, Any]:
    """Find entities without a name; return a hash of each one's name and description, or 0."""
    ids, names = batch.column("id"), batch.column("name")
    nameless = pc.equal(pc.binary_length(pc.utf8_trim_whitespace(names)), 0)
    unknown = nameless
    for other in _FIELDS[2:]:
        column = batch.column(other)
        length = pc.binary_length if pa.types.is_string(column.type) else pc.list_value_length
        unknown = pc.and_(unknown, pc.equal(length(column), 0))
    for check, which in (("without-name", nameless), ("known-from-triples-only", unknown)):
        found = ids.filter(which)
        first = found.slice(0, findings[check].limit).to_pylist()
        findings[check].add(len(found), ({"entity": text} for text in first))
    pairs = zip(names.to_pylist(), batch.column("description").to_pylist(), strict=True)
    marks = hashes([f"{folded(name)}\0{description}" for name, description in pairs])
    return np.where(nameless.to_numpy(zero_copy_only=False), 0, marks)


def _alike(store: KBStore, marks: np.ndarray[Any, Any], findings: Mapping[str, _Finding]) -> None:
    order = np.argsort(marks, kind="stable")
    ordered = marks[order]
    again = np.flatnonzero((ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)) + 1
    finding = findings["same-name-and-description"]
    ids = store.entity_ids
    pairs = zip(order[again].tolist()[: finding.limit], order[again - 1].tolist(), strict=False)
    finding.add(
        len(again),
        (
            {"entity": ids[row], "text": f"{store.info(ids[row]).name[:80]}, as {ids[other]}"}
            for row, other in pairs
        ),
    )


def _shared_xrefs(store: KBStore, finding: _Finding) -> None:
    for texts, entities, rows in store.xref_index.shared():
        several = np.flatnonzero(entities > 1)
        first = several[: finding.limit]
        finding.add(
            len(several),
            (
                _shared(store, *own)
                for own in zip(
                    *(part[first].tolist() for part in (texts, entities, rows)), strict=True
                )
            ),
        )


def _shared(store: KBStore, text: int, entities: int, row: int) -> Example:
    info = store.info(store.entity_ids[row])
    xref = info.xrefs[hashes(info.xrefs).tolist().index(text)]
    return {"entity": info.id, "field": "xref", "text": f"{xref[:80]}, of {entities} entities"}


def _loops(store: KBStore, triples: np.ndarray[Any, Any], findings: Mapping[str, _Finding]) -> None:
    wrong = misplaced(triples, len(store.entity_ids), len(store.relations))
    first: Sequence[Any] = triples[wrong][: findings["misplaced"].limit].tolist()
    findings["misplaced"].add(int(wrong.sum()), ({"text": f"{row}"} for row in first))
    loops = triples[(triples[:, 0] == triples[:, 2]) & ~wrong]
    first = loops[: findings["self-loops"].limit].tolist()
    findings["self-loops"].add(
        len(loops),
        (
            {"entity": store.entity_ids[head], "text": f"{store.relations[relation]} itself"}
            for head, relation, _ in first
        ),
    )
