"""Content hashes of values, files and folders; big files are not hashed twice."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from kpframework.errors import KpError
from kpframework.writing import replacing

_SETTLED_NS = 2_000_000_000
"""A file changed this recently may change again within one tick of its clock: hashed anew."""
_BLOCK = 1 << 20

Read = Callable[[int], object]
"""Told how many bytes were read since it was told last."""


def cache_root() -> Path:
    """Return the folder of cached steps: ``KPFRAMEWORK_CACHE``, or ``~/.cache/kpframework``."""
    return Path(os.environ.get("KPFRAMEWORK_CACHE") or Path.home() / ".cache" / "kpframework")


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces.

    Raises:
        ValueError: a number is not finite.
        TypeError: something is not JSON.
    """
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    )


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not JSON: {value!r}")


def json_digest(value: Any) -> str:
    """Return the sha256 of a value's canonical JSON, in hex."""
    return hashlib.sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def file_digest(path: Path, read: Read = lambda size: None) -> str:
    """Return the sha256 of a file's bytes, in hex; ``read`` is told how many were read."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            read(len(block))
    return digest.hexdigest()


class DigestStore:
    """Remembers the hash of a file by (path, size, mtime, ctime, inode).

    The store is a JSON file; a damaged or unwritable one costs time, never correctness.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known = self._read()
        self._changed = False

    def digest(self, path: Path, read: Read = lambda size: None) -> str:
        """Return the sha256 of a file, or of a folder's sorted tree of names and contents.

        Args:
            path: the file or folder.
            read: told of every block that is read.

        Raises:
            KpError: ``KP501``, the path is missing or cannot be read.
        """
        try:
            value = self._digest(path, read)
        except OSError as error:
            raise KpError(
                "KP501",
                f"cannot read {path}: {error.strerror or error}",
                "check that the file exists and is readable",
            ) from error
        if self._changed:
            self._write()
        return value

    def unread(self, path: Path) -> int:
        """Return how many bytes `digest` would read: those of files whose hash is not known."""
        files = [path] if not path.is_dir() else (p for p in path.rglob("*") if p.is_file())
        with suppress(OSError):  # told by `digest`
            return sum(own.stat().st_size for own in files if self._remembered(own) is None)
        return 0

    def _digest(self, path: Path, read: Read) -> str:
        if not path.is_dir():
            return self._file(path, read)
        tree = {
            child.relative_to(path).as_posix(): self._file(child, read)
            for child in sorted(path.rglob("*"))
            if child.is_file()
        }
        return json_digest({"folder": tree})

    def _file(self, path: Path, read: Read) -> str:
        known = self._remembered(path)
        if known is not None:
            return known
        stat = path.stat()
        value = file_digest(path, read)
        if time.time_ns() - max(stat.st_mtime_ns, stat.st_ctime_ns) > _SETTLED_NS:
            self._known[str(path.absolute())] = (_mark(stat), value)
            self._changed = True
        return value

    def _remembered(self, path: Path) -> str | None:
        known = self._known.get(str(path.absolute()))
        return known[1] if known is not None and known[0] == _mark(path.stat()) else None

    def _read(self) -> dict[str, tuple[list[int], str]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return {name: (list(mark), str(value)) for name, (mark, value) in content.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def _write(self) -> None:
        self._changed = False
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as temporary:
                temporary.write_text(json.dumps(self._read() | self._known), encoding="utf-8")


def _mark(stat: os.stat_result) -> list[int]:
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


@cache
def _store(path: Path) -> DigestStore:
    return DigestStore(path)


def digest_store() -> DigestStore:
    """Return the store of the cache root, which `content_digest` asks."""
    return _store(cache_root() / "digests.json")


def content_digest(path: Path) -> str:
    """Return `DigestStore.digest` of a file or folder, remembered in the cache root.

    Raises:
        KpError: ``KP501``, the path is missing or cannot be read.
    """
    return digest_store().digest(path)
