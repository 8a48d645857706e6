"""What a component computes from a knowledge base alone: made once, kept in the cache, opened."""

from __future__ import annotations

import errno
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

from kpframework import owner
from kpframework.digest import cache_root, json_digest
from kpframework.errors import KpError
from kpframework.locking import exclusive
from kpframework.writing import sync

if TYPE_CHECKING:
    from kpframework.api.kb import KnowledgeBase

T = TypeVar("T")
FILES = "files.json"
_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}


def derived(
    kb: KnowledgeBase,
    name: str,
    options: Mapping[str, Any],
    write: Callable[[Path], None],
    read: Callable[[Path], T],
) -> T:
    """Open what was computed from a knowledge base; compute it if that was never done.

    It lies at ``CACHE/derived/NAME/KEY[:2]/KEY``, whole or not at all; the key is the hash of the
    knowledge base's content (`KnowledgeBase.fingerprint`), the name and the options. Processes that
    need it at the same time wait for one of them. Where the content has no fingerprint, as when it
    was edited in memory, or the cache cannot be written, it is made in a temporary folder.

    Args:
        kb: the knowledge base.
        name: of what is computed; part of a path.
        options: JSON; everything that decides the result, a number of the format included.
        write: given an empty folder, writes plain files into it.
        read: given the folder, opens them; may map them. They are never written again.

    Raises:
        KpError: KP502, the disk is full.
    """
    fingerprint = getattr(kb, "fingerprint", None)
    if fingerprint is None:
        return _passing(write, read)
    key = json_digest({"kb": fingerprint, "name": name, "options": options})
    folder = cache_root() / "derived" / name / key[:2] / key
    try:
        if not _whole(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock = folder.with_name(f".{key}.lock")
            with exclusive(lock, lambda: None):
                if not _whole(folder):
                    _make(folder, write)
    except OSError as error:
        if error.errno in _NOT_WRITABLE:
            return _passing(write, read)
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise KpError(
            "KP502",
            f"cannot write {folder}: {error.strerror}",
            "free some space, or set KPFRAMEWORK_CACHE to a folder on another disk",
        ) from error
    return read(folder)


def _passing(write: Callable[[Path], None], read: Callable[[Path], T]) -> T:
    # What is mapped outlives its name; where a system does not allow that, the files stay.
    with TemporaryDirectory(prefix="kp-derived-", ignore_cleanup_errors=True) as folder:
        write(Path(folder))
        return read(Path(folder))


def _whole(folder: Path) -> bool:
    """Return whether every file is there, as long as it was when it was written."""
    try:
        sizes = json.loads((folder / FILES).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _make(folder: Path, write: Callable[[Path], None]) -> None:
    made = owner.aside(folder)
    made.mkdir()
    try:
        write(made)
        sizes = {path.name: path.stat().st_size for path in sorted(made.iterdir())}
        (made / FILES).write_text(json.dumps(sizes), encoding="utf-8")
        for path in made.iterdir():
            sync(path)
        shutil.rmtree(folder, ignore_errors=True)  # damaged, or this process would not be here
        made.rename(folder)
    except OSError:
        # Without locks two processes may make it at once: one of two equal results is enough.
        if not _whole(folder):
            raise
    finally:
        shutil.rmtree(made, ignore_errors=True)
