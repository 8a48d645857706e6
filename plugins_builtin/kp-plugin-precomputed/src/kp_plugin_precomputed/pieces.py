"""What every format is read as: ids and their vectors, a piece at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kpframework import KpError

PIECE = 16_384
"""Rows in memory at a time."""

Rows = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Piece:
    """Some rows, in order."""

    ids: Sequence[str]
    read: Callable[[Rows], Vectors]
    """Returns the vectors of some of these rows, given in rising order, shape (rows, width)."""
    where: Callable[[int], str]
    """Returns the place of one of these rows for an error."""


def unreadable(where: Path | str, message: str, fix: str = "") -> KpError:
    """Return the error of vectors that cannot be read."""
    return KpError(
        "KP450",
        f"entity vectors cannot be read: {message}",
        fix or "save them with numpy.save or safetensors, as float32",
        str(where),
    )
