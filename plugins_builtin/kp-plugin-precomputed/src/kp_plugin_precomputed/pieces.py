"""What all formats share: rows are read a piece at a time."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kpframework import KpError

PIECE = 16_384
"""Rows in memory at a time."""

Rows = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.floating]


def unreadable(where: Path | str, message: str, fix: str = "") -> KpError:
    """Return the error of vectors that cannot be read."""
    return KpError(
        "KP450",
        f"entity vectors cannot be read: {message}",
        fix or "save them with numpy.save or safetensors, as float32",
        str(where),
    )
