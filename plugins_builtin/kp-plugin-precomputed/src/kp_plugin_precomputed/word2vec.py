"""word2vec's binary files."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from kp_plugin_precomputed import pieces
from kp_plugin_precomputed.pieces import Rows, Vectors, unreadable
from kpframework.api import VectorRows, open_packed

_AGAIN = "fetch or export the file again"
_LONGEST = 1 << 16  # bytes of an id
_WIDEST = 1 << 20


def binary_pieces(path: Path) -> Iterator[VectorRows]:
    """Yield the rows of word2vec's binary file: counts, then each id, a blank and its floats.

    Raises:
        KpError: KP450 it is none, or ends early.
    """
    with open_packed(path, "KP450") as file:
        yield from _binary(path, file)


def _binary(path: Path, file: IO[bytes]) -> Iterator[VectorRows]:
    head = file.readline(100).split()
    if len(head) != 2 or not all(map(_is_count, head)):
        raise unreadable(path, "the first line does not say how many rows and columns", _AGAIN)
    rows, width = map(int, head)
    if not 0 < width <= _WIDEST:
        raise unreadable(path, f"the first line says {width} columns", _AGAIN)
    size = 4 * width
    buffer = b""
    at = done = 0
    while done < rows:
        ids: list[str] = []
        vectors: list[bytes] = []
        first = done
        while done < rows and len(ids) < pieces.PIECE:
            end = buffer.find(b" ", at)
            if end < 0 or len(buffer) < end + 1 + size:
                more = file.read(max(1 << 20, size))
                if not more or (end < 0 and len(buffer) - at > _LONGEST):
                    what = f"it ends, or holds no id, after {done} of {rows} rows"
                    raise unreadable(path, what, _AGAIN)
                buffer, at = buffer[at:] + more, 0
                continue
            # Some writers end a row's floats with a line feed, which then begins the next id.
            ids.append(_name(buffer[at:end].lstrip(b"\n"), f"{path} (row {done})"))
            vectors.append(buffer[end + 1 : end + 1 + size])
            at = end + 1 + size
            done += 1
        yield _binary_piece(path, ids, vectors, width, first)
    if (buffer[at:] + file.read(2)).strip(b"\n"):
        raise unreadable(path, f"more follows the {rows} rows that the first line says", _AGAIN)


def _binary_piece(
    path: Path, ids: list[str], vectors: list[bytes], width: int, first: int
) -> VectorRows:
    def read(rows: Rows) -> Vectors:
        chosen = b"".join(vectors[row] for row in rows.tolist())
        return np.frombuffer(chosen, dtype="<f4").reshape(len(rows), width)

    return VectorRows(ids, read, lambda row: f"{path} (row {first + row})")


def _is_count(text: bytes) -> bool:
    return text.isdigit() and len(text) <= 18


def _name(raw: bytes, where: str) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise unreadable(where, f"an id is not UTF-8: {error.reason}", _AGAIN) from error
    if not name:
        raise unreadable(where, "an id is empty", _AGAIN)
    return name
