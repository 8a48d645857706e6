"""One tensor a safetensors file: written in chunks, mapped without reading it."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kpframework.errors import KpError
from kpframework.writing import replacing

_DTYPES: dict[str, np.dtype[Any]] = {
    "F16": np.dtype("<f2"),
    "F32": np.dtype("<f4"),
    "F64": np.dtype("<f8"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_MOST_HEADER = 100_000_000  # the format's own limit


def write_tensor(
    path: Path,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    chunks: Iterable[npt.NDArray[Any]],
) -> None:
    """Write a safetensors file of one tensor whose first axis comes in chunks."""
    size = math.prod(shape) * dtype.itemsize
    entry = {"dtype": _NAMES[dtype], "shape": list(shape), "data_offsets": [0, size]}
    header = json.dumps({name: entry}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        for chunk in chunks:
            file.write(np.ascontiguousarray(chunk, dtype=dtype).data)


def map_tensor(path: Path, name: str | None = None) -> npt.NDArray[np.floating[Any]]:
    """Return a read-only memory map of a tensor of floats.

    Args:
        path: the safetensors file.
        name: of the tensor; None where the file has only one.

    Raises:
        KpError: KP410 not such a file or no such tensor, KP411 shorter or longer than it says.
    """
    fix = "write the file again with safetensors"
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            prefix = file.read(8)
            length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _MOST_HEADER + 1
            if length > min(size - 8, _MOST_HEADER):
                raise KpError("KP411", "not a safetensors file, or truncated", fix, str(path))
            header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        if name is None and len(header) != 1:
            raise KpError("KP410", f"holds {len(header)} tensors, not one", fix, str(path))
        entry = header[name if name is not None else next(iter(header))]
        dtype = _DTYPES[entry["dtype"]]
        shape = tuple(int(axis) for axis in entry["shape"])
        start, stop = entry["data_offsets"]
        end = max(int(other["data_offsets"][1]) for other in header.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KpError(
            "KP410", f"no float tensor to be read here: {error!r}", fix, str(path)
        ) from error
    if (
        8 + length + end != size
        or not 0 <= start <= stop
        or stop - start != math.prod(shape) * dtype.itemsize
    ):
        raise KpError(
            "KP411", f"{size} bytes, but the header speaks of {8 + length + end}", fix, str(path)
        )
    if not math.prod(shape):
        return np.empty(shape, dtype=dtype)
    mapped: npt.NDArray[np.floating[Any]] = np.memmap(
        path, dtype=dtype, mode="r", offset=8 + length + start, shape=shape
    )
    # As a plain array, still mapped: indexing a numpy.memmap costs several times as much.
    return mapped.view(np.ndarray)
