"""Character trigrams of many texts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from kp_plugin_linkers.characters import fold

Keys = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
_BITS = 21
"""A Unicode code point has 21 bits: three make a key without collisions."""


def normal(text: str) -> str:
    """Return the form in which texts are compared: without case, blanks made one."""
    return " ".join(fold(text).replace("\0", " ").split())


def trigrams(texts: Sequence[str]) -> tuple[Rows, Keys]:
    """Return the distinct trigrams of normal texts, each with a blank before and after it.

    Returns:
        Text index and trigram of each, both of shape (trigrams,), sorted by text, then trigram.
    """
    joined = "".join(f" {text} \0" for text in texts)
    codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.uint64)
    if len(codes) < 3:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    ends = codes == 0
    rows: Any = np.cumsum(ends, dtype=np.int64)[:-2]
    keys = (codes[:-2] << np.uint64(2 * _BITS)) | (codes[1:-1] << np.uint64(_BITS)) | codes[2:]
    whole = ~(ends[:-2] | ends[1:-1] | ends[2:])
    rows, keys = rows[whole], keys[whole]
    order = np.lexsort((keys, rows))
    rows, keys = rows[order], keys[order]
    first = np.ones(len(keys), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (keys[1:] != keys[:-1])
    return rows[first], keys[first]
