"""Whose a temporary folder is, and whether that process still lives."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import socket
import time
from pathlib import Path

_FOREIGN_SECONDS = 24 * 3600.0
"""A folder of another machine counts as left behind after this long without a change."""


def tag() -> str:
    """Return ``RANDOM.PID.START.HOST`` of this process, unique with each call."""
    pid = os.getpid()
    return f"{secrets.token_hex(4)}.{pid}.{_start(pid)}.{socket.gethostname()}"


def is_alive(owner: str, folder: Path) -> bool:
    """Tell whether the process of a `tag` may still be at work on its folder."""
    try:
        _, pid, start, host = owner.split(".", 3)
        number = int(pid)
    except ValueError:
        return False
    if host == socket.gethostname():
        return _start(number) == start
    try:
        return time.time() - folder.stat().st_mtime < _FOREIGN_SECONDS
    except OSError:
        return False


def aside(folder: Path) -> Path:
    """Return a new name beside a folder, to make it under; what dead processes left there is gone.

    Args:
        folder: that the name becomes when it is made.
    """
    mark = f".{folder.name}.tmp."
    for left in folder.parent.glob(f"{glob.escape(mark)}*"):
        if not is_alive(left.name.removeprefix(mark), left):
            shutil.rmtree(left, ignore_errors=True)
    return folder.with_name(f"{mark}{tag()}")


def _start(pid: int) -> str:
    """Return when a process began, as the system tells it, or ``""`` if there is none.

    A number of a process is used again after a while; with its start it is unique.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *rest = fields.rpartition(")")[2].split()
        return "" if state in "ZX" else rest[18]
    except (OSError, ValueError, IndexError):
        pass  # no /proc (macOS, Windows), or no such process: told apart below
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except OSError:
        # Another user's process, or a system without signals. Taking it for alive is the safe
        # side: at worst a folder that nobody uses stays.
        pass
    return "0"
