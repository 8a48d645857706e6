"""What entity embeddings promise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from kpframework.api.context import Context
from kpframework.api.embeddings import EmbeddingTable
from kpframework.api.kb import Triple
from kpframework.kb.store import build_store
from kpframework.testing.conformance.equality import equal
from kpframework.testing.conformance.model import check, ensure
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.world import knowledge_base
from kpframework.testing.knowledge import TinyKB, tiny_vectors

GONE = ("E0", "E7")
"""What another release of the knowledge base does not have."""


def work(subject: Subject) -> dict[str, Any]:
    """Compute the vectors of the tiny knowledge base."""
    kb = knowledge_base()
    before = kb.triples.copy()
    table = subject.create().compute(kb)
    return {
        "type": isinstance(table, EmbeddingTable),
        "ids": list(table.ids),
        "vectors": np.array(table.vectors),
        "metrics": dict(table.metrics),
        "kb": equal(before, kb.triples.copy()),
    }


@check("embeddings")
def a_row_for_each_id(subject: Subject) -> None:
    """The table is a matrix with one row for each id, and no id twice."""
    own = subject.result()
    ids, vectors = own["ids"], own["vectors"]
    ensure(own["type"], "compute() returns no EmbeddingTable")
    ensure(vectors.ndim == 2 and vectors.shape[1] > 0, f"the shape is {vectors.shape}")
    ensure(len(ids) == len(vectors) > 0, f"{len(ids)} ids, {len(vectors)} vectors")
    ensure(len(set(ids)) == len(ids), "an id comes twice")


@check("embeddings")
def ids_are_in_the_kb(subject: Subject) -> None:
    """Ids are those of the knowledge base's entities."""
    kb = knowledge_base()
    unknown = [own for own in subject.result()["ids"] if kb.row(own) is None]
    ensure(not unknown, f"the knowledge base has no {unknown[:3]}")


@check("embeddings")
def vectors_are_finite(subject: Subject) -> None:
    """Vectors are floats, none NaN or infinite, not all the same."""
    vectors = subject.result()["vectors"]
    ensure(np.issubdtype(vectors.dtype, np.floating), f"their type is {vectors.dtype}")
    ensure(bool(np.isfinite(vectors).all()), "some are not finite")
    ensure(len(vectors) < 2 or bool(np.ptp(vectors, axis=0).any()), "all entities have one vector")


@check("embeddings")
def vectors_belong_to_their_ids(subject: Subject) -> None:
    """Vectors read from the kit's own files stand beside the ids they stand beside there."""
    own = subject.result()
    ids, vectors = tiny_vectors()
    if own["vectors"].shape[1] != vectors.shape[1]:
        return
    truth = dict(zip(ids, vectors.astype(np.float32), strict=True))
    rows = {vector.tobytes() for vector in truth.values()}
    read = [own["vectors"][i].astype(np.float32) for i in range(len(own["vectors"]))]
    if not any(vector.tobytes() in rows for vector in read):
        return  # its vectors are others, not those of the kit's files
    for entity, vector in zip(own["ids"], read, strict=False):
        expected = truth.get(entity)
        same = expected is not None and np.array_equal(expected, vector)
        ensure(same, f"the vector of {entity!r} is another entity's")


@check("embeddings")
def another_kb_release_is_no_error(subject: Subject) -> None:
    """On a knowledge base with fewer entities, all ids are of that one."""
    subject.result()
    kb = knowledge_base(GONE)
    table = subject.create().compute(kb)
    ensure(len(table.ids) == len(table.vectors), f"{len(table.ids)} ids, {len(table.vectors)} rows")
    unknown = [own for own in table.ids if kb.row(own) is None]
    ensure(not unknown, f"there is no {unknown[:3]} in it")


class _Kindless(TinyKB):
    """The same entities, without the triples that say of which kind each is."""

    def triples(self) -> Iterator[Triple]:
        return (own for own in super().triples() if own.relation != "kind")


@check("embeddings")
def reads_triples_as_declared(subject: Subject) -> None:
    """Without some triples the vectors are others; they are not if `reads_triples` is False."""
    own = subject.result()
    scratch = subject.world.new_scratch()
    kb = build_store(_Kindless(), scratch / "kb", "tiny", Context(scratch=scratch / "build"))
    table = subject.create().compute(kb)
    same = own["ids"] == list(table.ids) and np.array_equal(own["vectors"], np.array(table.vectors))
    if subject.declares.get("reads_triples", True):
        ensure(not same, 'they are the same: declare capabilities={"reads_triples": False}')
    else:
        ensure(same, "they are others, but the component declares that it reads no triples")


@check("embeddings")
def leaves_the_kb(subject: Subject) -> None:
    """The knowledge base's triples are as they were."""
    ensure(subject.result()["kb"], "its triples are changed")


@check("embeddings")
def metrics_are_numbers(subject: Subject) -> None:
    """Metrics of the table are finite numbers."""
    for name, value in subject.result()["metrics"].items():
        ensure(bool(np.isfinite(float(value))), f"{name} is {value}")
