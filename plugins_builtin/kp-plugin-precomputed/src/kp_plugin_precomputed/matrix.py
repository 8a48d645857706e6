"""Matrices on disk, of which rows are read on demand, and the ids beside them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from kp_plugin_precomputed import pieces
from kp_plugin_precomputed.ids import read_ids
from kp_plugin_precomputed.pieces import unreadable
from kpframework import KpError
from kpframework.api import VectorRows

_FLOATS = {"F16": np.float16, "F32": np.float32, "F64": np.float64}
_PBG = "embeddings"
# NumPy lets through what Python's parser says of a damaged header, h5py what HDF5 says of a file.
_DAMAGE = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, OverflowError, RuntimeError),
    *(SyntaxError, TokenError, SafetensorError),
)


class Matrix:
    """A matrix of floats on disk."""

    def __init__(self, shape: tuple[int, ...], dtype: Any, read: Callable[[int, int], Any]) -> None:
        self.shape = shape
        self.dtype = dtype
        self.read = read
        """``read(start, stop)`` returns these rows."""


def matrix_pieces(
    path: Path, layout: str, tensor: str | None, ids_path: Path, ids_format: str
) -> Iterator[VectorRows]:
    """Yield the rows of a matrix with their ids.

    Raises:
        KpError: KP450 the matrix or KP451 the ids cannot be read, KP452 the two do not match.
    """
    matrix = open_matrix(path, layout, tensor)
    ids = read_ids(ids_path, ids_format)
    if len(ids) != matrix.shape[0]:
        raise KpError(
            "KP452",
            f"{len(ids)} ids in {ids_path.name}, but {matrix.shape[0]} rows in {path.name}",
            "export the ids again, together with the matrix",
            str(ids_path),
        )
    size = pieces.PIECE
    for start in range(0, len(ids), size):
        stop = min(start + size, len(ids))
        yield VectorRows(
            ids[start:stop],
            lambda rows, a=start, b=stop: matrix.read(a, b)[rows],
            lambda row, a=start: f"{path} (row {a + row})",
        )


def open_matrix(path: Path, layout: str, tensor: str | None) -> Matrix:
    """Open a ``.npy``, ``.safetensors`` or HDF5 file.

    Raises:
        KpError: KP450 it is no matrix of floats, is truncated, or has no such tensor; KP455 the
            package that reads it is not installed.
    """
    with _damage_told(path):
        if layout == "hdf5":
            matrix = _hdf5(path, tensor)
        else:
            matrix = _safetensors(path, tensor) if layout == "safetensors" else _npy(path)
    if len(matrix.shape) != 2 or matrix.dtype is None:
        raise unreadable(path, f"of shape {matrix.shape}, not a matrix of floats")
    return matrix


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise unreadable(path, str(error)) from error


def _npy(path: Path) -> Matrix:
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError("an archive of arrays, not a .npy")
    dtype = array.dtype if array.dtype in _FLOATS.values() else None
    return Matrix(array.shape, dtype, lambda start, stop: array[start:stop])


def _safetensors(path: Path, tensor: str | None) -> Matrix:
    file = safe_open(path, framework="numpy")
    part = file.get_slice(_chosen(path, list(file.keys()), tensor))
    dtype = _FLOATS.get(part.get_dtype())
    return Matrix(tuple(part.get_shape()), dtype, lambda start, stop: part[start:stop])


def _hdf5(path: Path, tensor: str | None) -> Matrix:
    try:
        import h5py
    except ImportError:
        raise KpError(
            "KP455",
            "the package h5py, which reads HDF5, is not installed",
            'pip install "kp-plugin-precomputed[hdf5]"',
            str(path),
        ) from None
    file = h5py.File(path, "r")
    # Any other link may lead into another file.
    own = [name for name in file if isinstance(file.get(name, getlink=True), h5py.HardLink)]
    names = [name for name in own if isinstance(file[name], h5py.Dataset)]
    part = file[_chosen(path, names, tensor or (_PBG if _PBG in names else None))]
    if part.external or part.is_virtual:
        raise unreadable(path, f"{part.name} keeps its values in another file")
    dtype = part.dtype if part.dtype in _FLOATS.values() else None

    def read(start: int, stop: int) -> Any:
        with _damage_told(path):
            return part[start:stop]

    return Matrix(part.shape, dtype, read)


def _chosen(path: Path, names: list[str], tensor: str | None) -> str:
    if tensor not in names and (tensor is not None or len(names) != 1):
        raise unreadable(
            path,
            f"'tensor' is {tensor!r}, but the file holds {', '.join(names) or 'none'}",
            "set 'tensor' to one of them",
        )
    return tensor or names[0]
