"""Reads word2vec's text format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kpframework import KpError

_FIX = "write word2vec's text format: a line 'count dim', then a word and dim numbers a line"


def read_word_vectors(
    path: Path, batch: int
) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
    """Yield words and their vectors, at most ``batch`` at a time.

    Raises:
        KpError: KP461, a line is malformed; names it.
    """
    with path.open(encoding="utf-8") as lines:
        head = next(lines, "").split()
        if len(head) != 2 or not all(part.isdigit() for part in head):
            raise KpError("KP461", "the first line is not 'count dim'", _FIX, f"{path}:1")
        dim, words, rows = int(head[1]), [], []
        for number, line in enumerate(lines, start=2):
            word, *numbers = line.rstrip().split(" ")
            try:
                row = np.array(numbers, dtype=np.float32)
            except ValueError as error:
                raise KpError("KP461", str(error), _FIX, f"{path}:{number}") from error
            if row.shape != (dim,) or not np.isfinite(row).all():
                message = f"{len(row)} finite numbers expected to be {dim}"
                raise KpError("KP461", message, _FIX, f"{path}:{number}")
            words.append(word)
            rows.append(row)
            if len(words) == batch:
                yield words, np.stack(rows)
                words, rows = [], []
    if words:
        yield words, np.stack(rows)
