"""Files that may be packed, as the suffix says."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, pa.ArrowException)
"""What a file raises that is truncated or not packed as its name says."""


def _by_arrow(path: Path, mode: str) -> Any:
    return io.BufferedReader(pa.input_stream(path))  # type: ignore[arg-type]


_OPENERS: dict[str, Callable[[Path, str], IO[bytes]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _by_arrow,
    ".lz4": _by_arrow,
}
PACKED = frozenset(_OPENERS)


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading what is packed in it."""
    opener = _OPENERS.get(path.suffix)
    return opener(path, "rb") if opener else path.open("rb")


def undecodable(text: str) -> bool:
    """Say whether ``text``, decoded with surrogateescape or by JSON, is none of Unicode."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False
