"""Names near a text in spelling: exact search by the cosine of trigram vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from kp_plugin_linkers.trigrams import Keys, Rows, trigrams

_CHUNK = 1 << 16
"""Names whose trigrams are made at a time."""
_WORK = 1 << 23
"""Products of one multiplication: bounds what a search holds in memory, at about 100 MB."""
COMMON = 0.01
"""Share of the names from which on a trigram is common."""
_EXACT = 1e-5

Near = list[tuple[int, float]]
"""Index of a name and its likeness, the likeliest first."""


class FuzzyIndex:
    """Trigram vectors of names, weighted by inverse document frequency, of length 1.

    Trigrams are rare or common. The rare parts of texts and names are multiplied; what the common
    parts can add is at most the product of their norms (Cauchy-Schwarz), which rules most pairs
    out; the rest is computed in full. A pair that shares common trigrams alone must be made of them
    mostly, and is found among those. So no name is missed: the bound is that of the all-pairs
    search of Bayardo, Ma and Srikant (WWW 2007), with one cut for all texts.

    Args:
        names: distinct normal texts.
        threshold: least cosine that is found.
    """

    def __init__(self, names: Sequence[str], threshold: float) -> None:
        self._threshold = threshold
        vocabulary, counts = _vocabulary(names)
        # Rarest first, so that a name's rare trigrams are the first of its row.
        order = np.argsort(counts, kind="stable")
        self._rank = np.empty(len(order), np.int64)
        self._rank[order] = np.arange(len(order))
        self._vocabulary = vocabulary
        self._weight = np.log((1 + len(names)) / (1 + counts[order])) + 1
        self._unseen = float(np.log(1 + len(names)) + 1)
        self._counts = counts[order]
        self._rare = int(np.searchsorted(self._counts, len(names) * COMMON, side="right"))
        self._names = self._matrix(names)
        rare, common, self._norms = self._split(self._names)
        self._rare_names = rare.T.tocsr()
        self._common = np.flatnonzero(self._norms >= threshold - _EXACT)
        self._common_names = common[self._common].T.tocsr()
        self._left = np.sqrt(np.maximum(0, 1 - self._norms[self._common] ** 2))

    def search(self, texts: Sequence[str], limit: int = 1) -> list[Near]:
        """Return the nearest names of each normal text, at most ``limit``, as far as any is near.

        Of names equally near the one given first comes first.
        """
        found: list[Near] = []
        for start in range(0, len(texts), _CHUNK):
            part = self._matrix(texts[start : start + _CHUNK])
            for rows in self._blocks(part):
                found += self._nearest(part[rows], limit)
        return found

    def _matrix(self, texts: Sequence[str]) -> Any:
        """Return the vectors of texts, shape (texts, trigrams); unseen ones only lengthen them."""
        parts = []
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            rows, keys = trigrams(chunk)
            ids = self._ids(keys)
            seen = ids >= 0
            weights = np.full(len(ids), self._unseen)
            weights[seen] = self._weight[ids[seen]]
            norms = np.sqrt(np.bincount(rows, weights**2, minlength=len(chunk)))
            values = (weights / norms[rows]).astype(np.float32)
            shape = (len(chunk), len(self._weight))
            part = sparse.csr_matrix((values[seen], (rows[seen], ids[seen])), shape=shape)
            part.sort_indices()
            parts.append(part)
        empty = sparse.csr_matrix((0, len(self._weight)), dtype=np.float32)
        return sparse.vstack(parts, format="csr") if parts else empty

    def _ids(self, keys: Keys) -> Rows:
        if not len(self._vocabulary):
            return np.full(len(keys), -1, np.int64)
        at = np.minimum(np.searchsorted(self._vocabulary, keys), len(self._vocabulary) - 1)
        return np.where(self._vocabulary[at] == keys, self._rank[at], -1)

    def _split(self, vectors: Any) -> tuple[Any, Any, npt.NDArray[np.float32]]:
        """Return the rare and the common part of vectors, and the norms of the latter."""
        common = vectors[:, self._rare :]
        squares = common.multiply(common).sum(axis=1)
        return vectors[:, : self._rare], common, np.sqrt(np.asarray(squares)).ravel()

    def _blocks(self, texts: Any) -> Iterator[slice]:
        """Yield slices of the texts of about equal work."""
        row = np.repeat(np.arange(texts.shape[0]), np.diff(texts.indptr))
        work = np.bincount(
            row,
            np.where(texts.indices < self._rare, self._counts[texts.indices], 0),
            minlength=texts.shape[0],
        )
        total, start = 0.0, 0
        for at, own in enumerate(work.tolist()):
            if total and total + own > _WORK:
                yield slice(start, at)
                total, start = 0.0, at
            total += own
        if start < texts.shape[0]:
            yield slice(start, texts.shape[0])

    def _nearest(self, texts: Any, limit: int) -> list[Near]:
        rare, common, norms = self._split(texts)
        rows, names = self._alike(rare, self._rare_names, norms, self._norms)
        # What two texts share is common alone: both are mostly made of common trigrams.
        some = np.flatnonzero(norms >= self._threshold - _EXACT)
        left = np.sqrt(np.maximum(0, 1 - norms[some] ** 2))
        own, others = self._alike(common[some], self._common_names, left, self._left)
        pairs = np.unique(
            np.concatenate([rows, some[own]]) * self._names.shape[0]
            + np.concatenate([names, self._common[others]])
        )
        rows, names = np.divmod(pairs, max(1, self._names.shape[0]))
        scores = _dots(texts, rows, self._names, names)
        near = scores >= self._threshold - _EXACT
        rows, names, scores = rows[near], names[near], scores[near]
        order = np.lexsort((names, -scores, rows))
        found: list[Near] = [[] for _ in range(texts.shape[0])]
        for row, name, score in zip(
            rows[order].tolist(), names[order].tolist(), scores[order].tolist(), strict=True
        ):
            if len(found[row]) < limit:
                found[row].append((name, score))
        return found

    def _alike(
        self, texts: Any, names: Any, rest: npt.NDArray[Any], others: npt.NDArray[Any]
    ) -> tuple[Rows, Rows]:
        """Return the pairs whose product, with the most that the rests can add, is high enough."""
        partial = (texts @ names).tocoo()
        needed = self._threshold - _EXACT - rest[partial.row] * others[partial.col]
        kept = partial.data >= needed
        return partial.row[kept].astype(np.int64), partial.col[kept].astype(np.int64)


def _vocabulary(names: Sequence[str]) -> tuple[Keys, Rows]:
    """Return the distinct trigrams, sorted, and in how many names each is."""
    keys, counts = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    for start in range(0, len(names), _CHUNK):
        own, seen = np.unique(trigrams(names[start : start + _CHUNK])[1], return_counts=True)
        keys, inverse = np.unique(np.concatenate([keys, own]), return_inverse=True)
        counts = np.bincount(inverse, np.concatenate([counts, seen]), minlength=len(keys)).astype(
            np.int64
        )
    return keys, counts


def _dots(left: Any, rows: Any, right: Any, columns: Any) -> npt.NDArray[np.float64]:
    """Return the product of each pair of rows, to six decimals, so that equal ones are equal."""
    out = np.zeros(len(rows))
    for start in range(0, len(rows), _CHUNK):
        some = slice(start, start + _CHUNK)
        product = left[rows[some]].multiply(right[columns[some]])
        out[some] = np.asarray(product.sum(axis=1)).ravel()
    return np.minimum(np.round(out, 6), 1.0)
