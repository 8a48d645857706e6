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
from itertools import chain
from pathlib import Path
from typing import IO, Any

from kpframework.errors import KpError

_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of what is done with the content."""
_BLOCK = 128 << 10
_LONGEST = 64 << 20
"""Bytes of a line; more is a file without line ends, which would be held whole."""


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


def unpacked_suffix(path: str | Path) -> str:
    """Return what a file's name ends in, in lower case, packing aside: ``.tsv`` of ``A.TSV.gz``."""
    path = Path(path)
    suffix = path.suffix.lower()
    return Path(path.stem).suffix.lower() if suffix in PACKED else suffix


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


def numbered_lines(path: str | Path, code: str) -> Iterator[tuple[int, bytes]]:
    r"""Yield (number, line without its ``\n``) of a file, packed or not; the first is line 1.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.

    Raises:
        KpError: the file cannot be read to its end, or a line is longer than 64 MiB.
    """
    # Both are C's loops: a generator that asks for each line takes a fifth longer to read a table.
    return chain.from_iterable(_line_blocks(Path(path), code))


def _line_blocks(path: Path, code: str) -> Iterator[Iterator[tuple[int, bytes]]]:
    number, begun, size = 1, [b""], 0
    with open_packed(path, code) as file:
        while block := file.read(_BLOCK):
            first, *lines = block.split(b"\n")
            begun.append(first)
            size += len(first)
            if size > _LONGEST:
                raise KpError(
                    code,
                    f"a line is longer than {_LONGEST >> 20} MiB",
                    "give a file of lines, each with its end; is it of another format?",
                    f"{path}:{number}",
                )
            if lines:
                whole = [b"".join(begun), *lines[:-1]]
                yield enumerate(whole, number)
                number += len(whole)
                begun, size = [lines[-1]], len(lines[-1])
    if size:
        yield enumerate([b"".join(begun)], number)


def decoded_lines(
    path: str | Path, code: str, bad: Callable[[int, str], None]
) -> Iterator[tuple[int, str]]:
    """Yield (number, line without its end) of a UTF-8 file, packed or not.

    A byte order mark is taken off.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.
        bad: told number and fault of a line that is not UTF-8; raises, or the line is left out.

    Raises:
        KpError: as `numbered_lines`.
    """
    for number, raw in numbered_lines(path, code):
        try:
            text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            bad(number, f"not UTF-8: {error.reason}")
        else:
            yield number, text.rstrip("\r")


def unpacked_text(path: str | Path, code: str, fix: str = "correct the file") -> str:
    """Return the text of a UTF-8 file, packed or not, without its byte order mark.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.
        fix: of what is not UTF-8.

    Raises:
        KpError: it cannot be read to its end, or is not UTF-8; names file and line.
    """
    with open_packed(path, code) as file:
        raw = file.read()
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise KpError(code, f"not UTF-8: {error.reason}", fix, f"{path}:{line}") from error


def read_json(path: str | Path, code: str) -> Any:
    """Return the value in a file of JSON, packed or not.

    Args:
        path: may end in one of `PACKED`.
        code: of the error, the plugin's own.

    Raises:
        KpError: it is not UTF-8, not JSON, or a key comes twice in an object, of which `json` would
            keep the last without a word.
    """
    text = unpacked_text(path, code)
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        where, what = f"{path}:{error.lineno}:{error.colno}", f"not JSON: {error.msg}"
    except ValueError as error:
        where, what = str(path), f"not JSON that can be read: {error}"
    raise KpError(code, what, "correct the file", where)


def parse_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: it is not JSON, is nested deeper than can be read, or a key comes twice in an
            object, of which `json` would keep the last without a word.
    """
    try:
        return json.loads(text, object_pairs_hook=_distinct)
    except RecursionError as error:
        raise ValueError(f"nested too deeply ({error})") from None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        twice, _ = Counter(key for key, _ in pairs).most_common(1)[0]
        raise ValueError(f"{twice!r} comes twice in an object")
    return found
