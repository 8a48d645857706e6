"""Joins vectors and their ids with a knowledge base."""

from array import array
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kp_plugin_precomputed import pieces
from kp_plugin_precomputed.matrix import matrix_pieces
from kp_plugin_precomputed.pieces import Rows, Vectors
from kp_plugin_precomputed.word2vec import binary_pieces
from kpframework import KpError
from kpframework.api import Embeddings, EmbeddingTable, KnowledgeBase, VectorRows, read_vectors


class PrecomputedEmbeddings(Embeddings):
    """Reads the vectors of the entities that the knowledge base knows."""

    def compute(self, kb: KnowledgeBase) -> EmbeddingTable:
        """Return those vectors, memory-mapped, in the files' order and precision.

        ``metrics`` says how many rows there were, and how many entities they gave a vector. In
        memory are a piece of the rows, the ids of a matrix, and a hash of every id.

        Raises:
            KpError: KP450 the vectors or KP451 the ids cannot be read, KP452 the two do not match
                or an id comes twice, KP453 the knowledge base knows none of the ids, KP454 a vector
                is not finite, KP455 a package is missing.
        """
        known = _Known(kb)
        hashes = array("q")
        first: list[str] = []
        self.context.scratch.mkdir(parents=True, exist_ok=True)
        path = self.context.scratch / "vectors.raw"
        with path.open("wb") as out, self.context.progress("read entity vectors", None) as advance:
            copy = _Copy(out)
            for piece in self._pieces():
                hashes.extend(map(_hash, piece.ids))
                first = first or list(piece.ids[:3])
                rows = known.take(piece.ids)
                if len(rows):
                    copy.add(piece, rows)
                advance(len(piece.ids))
        self._refuse_repeats(hashes)
        if not known.entities:
            raise KpError(
                "KP453",
                f"knowledge base {kb.name!r} knows none of the {len(hashes)} ids, such as "
                f"{', '.join(first)}",
                "give the ids as the knowledge base writes them, or as one of its cross-references",
                self.config.ids or self.config.path,
            )
        shape = (len(known.entities), copy.width)
        vectors = np.memmap(path, dtype=copy.dtype, mode="r", shape=shape)
        metrics = {"rows": float(len(hashes)), "rows_used": float(len(known.entities))}
        return EmbeddingTable(known.entities, vectors, metrics)

    def _pieces(self) -> Iterator[VectorRows]:
        config = self.config
        ids = [config.ids, *config.more_ids]
        for at, text in enumerate((config.path, *config.more_paths)):
            path = Path(text)
            if config.layout == "word2vec-binary":
                yield from binary_pieces(path)
            elif config.layout == "word2vec-text":
                yield from read_vectors(path, "KP450", pieces.PIECE)
            else:
                yield from matrix_pieces(
                    path, config.layout, config.tensor, Path(ids[at]), config.ids_format
                )

    def _refuse_repeats(self, hashes: "array[int]") -> None:
        """Refuse an id that comes twice; the files are read again to say where."""
        values = np.array(hashes, dtype=np.int64)
        order = np.argsort(values, kind="stable")
        again = order[1:][values[order[1:]] == values[order[:-1]]]
        if not len(again):
            return
        position = int(again.min())
        for piece in self._pieces():
            if position < len(piece.ids):
                raise KpError(
                    "KP452",
                    f"the id {piece.ids[position]!r} comes twice",
                    "give each entity one vector",
                    piece.where(position),
                )
            position -= len(piece.ids)


class _Known:
    """The entities that got a vector; the first row of an entity counts."""

    def __init__(self, kb: KnowledgeBase) -> None:
        self._kb = kb
        self._names = kb.entity_ids
        self._own = set(self._names)
        self._seen: set[str] = set()
        self.entities: list[str] = []

    def take(self, ids: Sequence[str]) -> Rows:
        """Return which of these rows give an entity a vector."""
        rows = []
        for row, id_ in enumerate(ids):
            entity = id_ if id_ in self._own else None
            if entity is None and ":" in id_ and (found := self._kb.row(id_)) is not None:
                entity = self._names[found]
            if entity is not None and entity not in self._seen:
                self._seen.add(entity)
                self.entities.append(entity)
                rows.append(row)
        return np.array(rows, dtype=np.int64)


class _Copy:
    """Appends rows to a file."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.width = 0
        self.dtype: np.dtype[np.floating] | None = None

    def add(self, piece: VectorRows, rows: Rows) -> None:
        """Append these rows of a piece."""
        vectors = np.ascontiguousarray(piece.read(rows))
        if self.dtype is None:
            self.width, self.dtype = vectors.shape[1], vectors.dtype
        if (vectors.shape[1], vectors.dtype) != (self.width, self.dtype):
            raise KpError(
                "KP450",
                f"{vectors.shape[1]} columns, {vectors.dtype}; before {self.width}, {self.dtype}",
                "give files of one width and precision",
                piece.where(int(rows[0])),
            )
        self._refuse_infinite(piece, rows, vectors)
        self._out.write(vectors.data)

    def _refuse_infinite(self, piece: VectorRows, rows: Rows, vectors: Vectors) -> None:
        finite = np.isfinite(vectors).all(axis=1)
        if not finite.all():
            row = int(rows[int(np.argmin(finite))])
            raise KpError(
                "KP454",
                f"the vector of {piece.ids[row]!r} has a value that is not finite",
                "train it again with a smaller learning rate, or leave the entity out",
                piece.where(row),
            )


def _hash(text: str) -> int:
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)
