"""Entity vectors on disk: safetensors read row by row through a memory map."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kpframework.api.embeddings import EmbeddingTable
from kpframework.digest import content_digest, file_digest
from kpframework.errors import KpError
from kpframework.kb.files import write_json
from kpframework.kb.ids import SortedIds, write_ids
from kpframework.kb.tensors import map_tensor, write_tensor

VECTORS = "vectors.safetensors"
IDS = "ids.npy"
TABLE = "table.json"
FORMAT = 2
_IDS_1 = "ids.parquet"  # of format 1, which is read into memory
_REBUILD = "delete the folder and compute the table again"
_CHUNK = 16_384
_GATHER = 2_048  # rows of the stored precision that stand beside the result

Floats = npt.NDArray[np.floating[Any]]


class EntityTable:
    """A vector an entity, in sorted order of the ids; only the rows asked for are read.

    ::

        table = EntityTable.open(folder)
        rows = table.rows(["HP:0000118", "unknown"])   # array([117, -1])
        vectors = table.gather(rows[rows >= 0])        # float32, shape (1, dim)
    """

    def __init__(
        self, folder: Path, ids: SortedIds, vectors: Floats, description: Mapping[str, Any]
    ) -> None:
        self.folder = folder
        self.ids: SortedIds = ids
        """Entity ids, one a row, sorted."""
        self._vectors = vectors
        self._description = description

    @classmethod
    def open(cls, folder: Path, verify: bool | Literal["once"] = False) -> EntityTable:
        """Map a table; headers and sizes are always checked, content as far as it is asked for.

        Args:
            folder: what `write_table` wrote.
            verify: True hashes both files, a second or two for each GB; "once" hashes a file the
                first time, and again when its size, times or inode have changed (remembered in the
                cache, as for every file a run reads). A disk that alters a file without telling the
                system is noticed by True alone.

        Raises:
            KpError: KP410 a file is missing or malformed, KP411 truncated, or of another size than
                its header says, KP412 ids and rows differ in number, KP413 a checksum differs.
        """
        try:
            description = json.loads((folder / TABLE).read_text(encoding="utf-8"))
            count, dim = int(description["count"]), int(description["dim"])
            sums, width = dict(description["sha256"]), int(description["id_width"])
            if _IDS_1 in sums:
                ids = SortedIds.read(folder / _IDS_1, width)
            else:
                ids = SortedIds.map(folder / IDS)
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise KpError(
                "KP410", f"not a readable entity table: {error}", _REBUILD, str(folder)
            ) from error
        vectors = map_tensor(folder / VECTORS, "vectors")
        if len(ids) != len(vectors) or vectors.shape != (count, dim):
            raise KpError(
                "KP412",
                f"{len(ids)} ids, vectors of shape {vectors.shape}, "
                f"but {TABLE} says {count} rows of {dim}",
                _REBUILD,
                str(folder),
            )
        if verify:
            digest = content_digest if verify == "once" else file_digest
            for name, expected in sums.items():
                if digest(folder / name) != expected:
                    raise KpError(
                        "KP413", f"{name} is not the file that was written", _REBUILD, str(folder)
                    )
        return cls(folder, ids, vectors, description)

    @property
    def dim(self) -> int:
        """Width of a vector."""
        return int(self._vectors.shape[1])

    @property
    def rms(self) -> float:
        """Root mean square of all components."""
        return float(self._description["rms"])

    @property
    def dtype(self) -> str:
        """``float32`` or ``float16``, as stored."""
        return str(self._vectors.dtype)

    @property
    def metrics(self) -> Mapping[str, float]:
        """Quality as the embeddings component measured it."""
        return cast("Mapping[str, float]", self._description["metrics"])

    @property
    def sha256(self) -> str:
        """Identifies ids and vectors: the checksum of the two files' checksums."""
        sums = self._description["sha256"]
        ids = sums.get(IDS) or sums[_IDS_1]
        return hashlib.sha256(f"{sums[VECTORS]} {ids}".encode()).hexdigest()

    def __len__(self) -> int:
        return len(self.ids)

    def row(self, entity: str) -> int:
        """Return the row of an entity, -1 if it has no vector."""
        return self.ids.row(entity)

    def rows(self, entities: Sequence[str]) -> npt.NDArray[np.int64]:
        """Return the row of each entity, -1 where it has no vector."""
        return self.ids.rows(entities)

    def gather(self, rows: npt.NDArray[np.int64] | Sequence[int]) -> npt.NDArray[np.float32]:
        """Return float32 vectors of shape (rows, dim), a copy.

        Nothing but these rows is read, and little memory but the result's is used.

        Raises:
            IndexError: a row is negative or past the end.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if wanted.size and (wanted.min() < 0 or wanted.max() >= len(self)):
            raise IndexError(f"rows must be from 0 to {len(self) - 1}")
        found = np.empty((len(wanted), self.dim), dtype=np.float32)
        for start in range(0, len(wanted), _GATHER):
            found[start : start + _GATHER] = self._vectors[wanted[start : start + _GATHER]]
        return found

    def shuffled(self, folder: Path, seed: int) -> EntityTable:
        """Write a control table: the same ids and vectors, joined at random."""
        order = np.random.default_rng(seed).permutation(len(self))
        return self._derive(folder, lambda start, stop: self._vectors[order[start:stop]])

    def random(self, folder: Path, seed: int) -> EntityTable:
        """Write a control table: normal vectors of the same mean and scale in each dimension."""
        mean, scale = self._moments()
        dtype = self._vectors.dtype

        def draw(start: int, stop: int) -> Floats:
            normal = np.random.default_rng((seed, start)).standard_normal((stop - start, self.dim))
            return (mean + scale * normal).astype(dtype)

        return self._derive(folder, draw)

    def _moments(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        total, squares = np.zeros(self.dim), np.zeros(self.dim)
        for start in range(0, len(self), _CHUNK):
            total += self._vectors[start : start + _CHUNK].sum(axis=0, dtype=np.float64)
        mean = total / max(len(self), 1)
        for start in range(0, len(self), _CHUNK):
            squares += ((self._vectors[start : start + _CHUNK] - mean) ** 2).sum(axis=0)
        return mean, np.sqrt(squares / max(len(self), 1))

    def _derive(self, folder: Path, part: Callable[[int, int], Floats]) -> EntityTable:
        return write_rows(
            folder, self.ids, dtype=self._vectors.dtype, dim=self.dim, part=part, metrics={}
        )


def write_table(
    folder: Path, table: EmbeddingTable, dtype: Literal["float16", "float32"] | None = None
) -> EntityTable:
    """Write a table sorted by id.

    Args:
        folder: where its files go.
        table: what an embeddings component returned.
        dtype: precision of the stored vectors; None keeps float16 and float32 as given, and makes
            float32 of float64.

    Raises:
        KpError: KP414 a value is not finite, KP415 the vectors are not a matrix of floats.
    """
    vectors = table.vectors
    if vectors.ndim != 2 or not np.issubdtype(vectors.dtype, np.floating) or not vectors.shape[1]:
        raise KpError(
            "KP415",
            f"entity vectors must be a (entities, dim) array of floats, "
            f"not {vectors.dtype} of shape {vectors.shape}",
            "return float32 vectors from the embeddings component",
        )
    given = "float16" if vectors.dtype == np.float16 else "float32"
    stored = np.dtype(dtype or given)
    ids = table.ids
    order = np.array(sorted(range(len(ids)), key=ids.__getitem__), dtype=np.int64)

    def part(start: int, stop: int) -> Floats:
        rows = order[start:stop]
        # What is past the range of the stored precision becomes infinite, and is refused as such.
        with np.errstate(over="ignore"):
            chunk: Floats = np.asarray(vectors[rows], dtype=stored)
        finite = np.isfinite(chunk).all(axis=1)
        if not finite.all():
            raise KpError(
                "KP414",
                f"the vector of {ids[rows[int(finite.argmin())]]!r} has a value that is not finite",
                "train with a lower learning rate, or correct the file the vectors come from",
            )
        return chunk

    return write_rows(
        folder,
        [ids[row] for row in order],
        dtype=stored,
        dim=vectors.shape[1],
        part=part,
        metrics=table.metrics,
    )


def write_rows(
    folder: Path,
    ids: Sequence[str],
    *,
    dtype: np.dtype[Any],
    dim: int,
    part: Callable[[int, int], Floats],
    metrics: Mapping[str, float],
    rms: float | None = None,
) -> EntityTable:
    """Write a table a chunk of rows at a time.

    Args:
        folder: where its files go.
        ids: distinct and sorted.
        dtype: float16 or float32.
        dim: width of a vector.
        part: ``part(start, stop)`` returns the vectors of these ids, shape (stop - start, dim).
        metrics: kept as they are.
        rms: what `EntityTable.rms` shall say; None is that of the rows.
    """
    folder.mkdir(parents=True, exist_ok=True)
    squares = 0.0

    def chunks() -> Iterator[Floats]:
        nonlocal squares
        for start in range(0, len(ids), _CHUNK):
            chunk = part(start, min(start + _CHUNK, len(ids)))
            squares += float(np.square(chunk, dtype=np.float64).sum())
            yield chunk

    write_tensor(folder / VECTORS, "vectors", dtype, (len(ids), dim), chunks())
    width = write_ids(folder / IDS, ids)
    write_json(
        folder / TABLE,
        {
            "format": FORMAT,
            "count": len(ids),
            "dim": dim,
            "dtype": str(dtype),
            "id_width": width,
            "rms": float(np.sqrt(squares / max(1, len(ids) * dim))) if rms is None else rms,
            "metrics": dict(metrics),
            "sha256": {name: file_digest(folder / name) for name in (VECTORS, IDS)},
        },
    )
    return EntityTable.open(folder)
