"""Finds the line that keeps a file from being OBO; obonet's error does not say it."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

_OPENERS: dict[str, Callable[[Path, str], IO[bytes]]] = {
    ".gz": gzip.open,
    ".bz2": bz2.open,
    ".xz": lzma.open,
}


def malformed_line(path: Path) -> str:
    """Return ``file:line`` of the first line that is no ``tag: value``, or the file alone."""
    opener = _OPENERS.get(path.suffix)
    try:
        with opener(path, "rb") if opener else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.strip()
                # A comment, the head of a stanza, or an empty line.
                if text and not text.startswith((b"!", b"[")) and b":" not in text:
                    return f"{path}:{number}"
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        pass  # it ends early, which the error says
    return str(path)
