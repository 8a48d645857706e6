"""A lock between processes. It spares double work; nothing depends on it for being correct."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

try:
    from fcntl import LOCK_EX, LOCK_NB, flock
except ImportError:  # no fcntl on Windows: two processes may then make the same step
    LOCK_EX = LOCK_NB = 0  # type: ignore[misc]

    def flock(fd: int, operation: int, /) -> None:  # type: ignore[misc]
        """Do nothing."""


@contextmanager
def exclusive(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file while the block runs; call ``waiting`` first if another holds it.

    A file system without locks counts as free.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            waiting()
            flock(fd, LOCK_EX)
        except OSError:
            # A network file system without locks. Two processes may then make the same step, each
            # in a folder of its own; the rename decides, and both results are equal.
            pass
        yield
        # Whoever waits holds the same file and finds the step done; later ones make a new file.
        path.unlink(missing_ok=True)
    finally:
        os.close(fd)
