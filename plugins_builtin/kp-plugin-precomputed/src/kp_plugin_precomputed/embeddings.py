"""Joins a matrix and its ids with a knowledge base."""

from pathlib import Path

import numpy as np

from kp_plugin_precomputed.ids import read_ids
from kp_plugin_precomputed.matrix import Matrix, open_matrix
from kpframework import KpError
from kpframework.api import Embeddings, EmbeddingTable, KnowledgeBase

_CHUNK = 16_384


class PrecomputedEmbeddings(Embeddings):
    """Reads the vectors of the entities that the knowledge base knows."""

    def compute(self, kb: KnowledgeBase) -> EmbeddingTable:
        """Return those vectors, memory-mapped, in the matrix's order and precision.

        ``metrics`` says how many rows there were, and how many entities they gave a vector.

        Raises:
            KpError: KP450 the matrix or KP451 the ids cannot be read, KP452 the two do not match,
                KP453 the knowledge base knows none of the ids.
        """
        path, ids_path = Path(self.config.path), Path(self.config.ids)
        matrix = open_matrix(path, self.config.tensor)
        ids = read_ids(ids_path, self.config.ids_format)
        if len(ids) != matrix.shape[0]:
            raise KpError(
                "KP452",
                f"{len(ids)} ids in {ids_path.name}, but {matrix.shape[0]} rows in {path.name}",
                "export the ids again, together with the matrix",
                str(ids_path),
            )
        rows = _known(ids, kb)
        if not rows:
            raise KpError(
                "KP453",
                f"knowledge base {kb.name!r} knows none of the {len(ids)} ids, such as "
                f"{', '.join(ids[:3])}",
                "give the ids as the knowledge base writes them, or as one of its cross-references",
                str(ids_path),
            )
        vectors = self._copy(matrix, np.fromiter(rows.values(), dtype=np.int64, count=len(rows)))
        metrics = {"rows": float(len(ids)), "rows_used": float(len(rows))}
        return EmbeddingTable(list(rows), vectors, metrics)

    def _copy(self, matrix: Matrix, rows: "np.ndarray") -> "np.ndarray":
        """Copy rows, given in rising order, to the scratch folder, a piece in memory at a time."""
        self.context.scratch.mkdir(parents=True, exist_ok=True)
        copied = np.lib.format.open_memmap(
            self.context.scratch / "vectors.npy",
            mode="w+",
            dtype=matrix.dtype,
            shape=(len(rows), matrix.shape[1]),
        )
        starts = range(0, matrix.shape[0], _CHUNK)
        done = 0
        for start in self.context.track(starts, "read entity vectors", len(starts)):
            stop = int(np.searchsorted(rows, start + _CHUNK))
            if stop > done:
                chunk = matrix.read(start, min(start + _CHUNK, matrix.shape[0]))
                copied[done:stop] = chunk[rows[done:stop] - start]
            done = stop
        return copied


def _known(ids: list[str], kb: KnowledgeBase) -> dict[str, int]:
    """Return {entity id: row} in the order of the rows; the first row of an entity counts."""
    names = kb.entity_ids
    own = set(names)
    rows: dict[str, int] = {}
    for row, id_ in enumerate(ids):
        entity = id_ if id_ in own else None
        if entity is None and ":" in id_ and (found := kb.row(id_)) is not None:
            entity = names[found]
        if entity is not None:
            rows.setdefault(entity, row)
    return rows
