"""Reads a matrix in pieces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from kpframework import KpError

_FLOATS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}


class Matrix:
    """A matrix of floats on disk, of which rows are read on demand."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[int, int], Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.read = read
        """``read(start, stop)`` returns these rows."""


def open_matrix(path: Path, tensor: str | None) -> Matrix:
    """Open a ``.npy`` or ``.safetensors`` file.

    Raises:
        KpError: KP450 it is no matrix of floats, is truncated, or has no such tensor.
    """
    try:
        matrix = _safetensors(path, tensor) if path.suffix == ".safetensors" else _npy(path)
    except (OSError, ValueError, EOFError, SafetensorError) as error:
        raise _unreadable(path, str(error)) from error
    if len(matrix.shape) != 2 or matrix.dtype is None:
        raise _unreadable(path, f"of shape {matrix.shape}, not a matrix of floats")
    return matrix


def _npy(path: Path) -> Matrix:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of arrays, not a .npy")
    dtype = array.dtype if array.dtype in _FLOATS.values() else None
    return Matrix(array.shape, dtype, lambda start, stop: array[start:stop])


def _safetensors(path: Path, tensor: str | None) -> Matrix:
    file = safe_open(path, framework="numpy")
    names = list(file.keys())
    if tensor not in names and (tensor is not None or len(names) != 1):
        raise _unreadable(path, f"'tensor' is {tensor!r}, but the file holds {', '.join(names)}")
    part = file.get_slice(tensor or names[0])
    dtype = _FLOATS.get(part.get_dtype())
    return Matrix(tuple(part.get_shape()), dtype, lambda start, stop: part[start:stop])


def _unreadable(path: Path, message: str) -> KpError:
    fix = "save it with numpy.save or safetensors, as float32"
    return KpError("KP450", f"entity vectors cannot be read: {message}", fix, str(path))
