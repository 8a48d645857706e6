"""Linear maps between two spaces from pairs of vectors, in closed form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Alignment:
    """Collects pairs and solves for the map; memory does not grow with their number.

    Args:
        source: width of the vectors mapped.
        target: width of the space mapped to.
    """

    def __init__(self, source: int, target: int) -> None:
        self.count = 0
        self._xx = np.zeros((source, source))
        self._xy = np.zeros((source, target))
        self._y = np.zeros(target)
        self._yy = 0.0

    def add(self, x: npt.ArrayLike, y: npt.ArrayLike) -> None:
        """Add pairs: ``x`` of shape (n, source), ``y`` of shape (n, target)."""
        xs, ys = np.asarray(x, np.float64), np.asarray(y, np.float64)
        self.count += len(xs)
        self._xx += xs.T @ xs
        self._xy += xs.T @ ys
        self._y += ys.sum(0)
        self._yy += float(np.square(ys).sum())

    def least_squares(self) -> Floats:
        """Return W, shape (source, target), with the least sum of ``||x W - y||^2``.

        Of several the shortest, as `numpy.linalg.lstsq` gives it.
        """
        solution: Floats = np.linalg.lstsq(self._xx, self._xy, rcond=None)[0]
        return solution

    def procrustes(self) -> Floats:
        """Return the W with orthonormal rows (or columns) that brings the pairs closest together.

        Schoenemann, Psychometrika 1966.
        """
        left, _, right = np.linalg.svd(self._xy, full_matrices=False)
        solution: Floats = left @ right
        return solution

    def explained(self, w: Floats) -> float:
        """Return the share of the targets' variance about their mean that ``x W`` explains."""
        error = self._yy - 2 * np.sum(w * self._xy) + np.sum((self._xx @ w) * w)
        spread = self._yy - float(self._y @ self._y) / max(1, self.count)
        return float(1 - error / spread) if spread > 0 else 0.0
