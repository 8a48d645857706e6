"""Files as users have them: packed or not, as the name's last suffix says, and JSON tables."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from kpframework.errors import KpError

_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of what is done with the content."""


def _by_arrow(path: Path) -> IO[bytes]:
    import pyarrow as pa

    return io.BufferedReader(pa.input_stream(path))


_OPENERS: dict[str, Callable[[Path], Any]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
    ".zst": _by_arrow,
    ".lz4": _by_arrow,
}
PACKED = tuple(_OPENERS)
"""Suffixes of packed files, in lower case."""


def unpacked_name(path: str | Path) -> Path:
    """Return a path without the suffix that says how the file is packed."""
    path = Path(path)
    return path.with_suffix("") if path.suffix.lower() in PACKED else path


@contextmanager
def open_packed(path: str | Path, code: str) -> Iterator[IO[bytes]]:
    """Open a file to read what is packed in it, or the file itself.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.

    Raises:
        KpError: the file is not there, is not packed as its name says, or ends early; raised within
            the ``with`` block too, where that is found while reading.
    """
    path = Path(path)
    opener = _OPENERS.get(path.suffix.lower())
    try:
        with opener(path) if opener else path.open("rb") as file:
            yield file
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno in _WRITING:
            raise
        raise KpError(
            code,
            f"cannot be read to its end: {error}",
            "fetch the file again; a truncated one is not read in part",
            str(path),
        ) from error


def read_json(path: str | Path, code: str) -> Any:
    """Return the value in a file of JSON, packed or not.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.

    Raises:
        KpError: it is not UTF-8, not JSON, or a key comes twice in an object, of which `json` would
            keep the last without a word.
    """
    with open_packed(path, code) as file:
        raw = file.read()
    try:
        return json.loads(raw.decode("utf-8-sig"), object_pairs_hook=_distinct)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        where, what = f"{path}:{line}", f"not UTF-8: {error.reason}"
    except json.JSONDecodeError as error:
        where, what = f"{path}:{error.lineno}:{error.colno}", f"not JSON: {error.msg}"
    except (ValueError, RecursionError) as error:
        where, what = str(path), f"not JSON that can be read: {error}"
    raise KpError(code, what, "correct the file", where)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"{twice!r} comes twice in an object")
    return found
