"""What a component does besides its work: network, global state, pickles, files."""

from __future__ import annotations

import errno
import os
import pickle
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
_SINKS = ("os.mkdir", "sqlite3.connect", "subprocess.Popen", "os.posix_spawn")
_DEVICES = ("/dev/", "/proc/")
_PICKLES = ("load", "loads", "dump", "Unpickler", "Pickler")


class NetworkForbidden(OSError):
    """Raised in the place of a connection."""


@dataclass
class Observations:
    """What was seen while a component was at work."""

    refuse: bool = False
    """Whether writing a file and starting a process are refused, as connections always are."""
    network: list[str] = field(default_factory=list)
    pickles: list[str] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    """Files opened for reading."""
    written: set[str] = field(default_factory=set)
    """Files opened for writing."""
    moved: list[str] = field(default_factory=list)
    """Which global states were other ones afterwards."""


_current: list[Observations] = []
_installed: list[bool] = []


@contextmanager
def watching(refuse: bool = False) -> Iterator[Observations]:
    """Record what happens inside; connections are refused. Global generators are put back.

    Args:
        refuse: also refuse to write files and to start processes, as a full disk does.
    """
    if not _installed:
        _installed.append(True)  # an audit hook stays for good: one is enough
        sys.addaudithook(_audit)
    seen = Observations(refuse)
    before = _state()
    with mock.patch.multiple(pickle, **{name: _noted(name, seen) for name in _PICKLES}):
        _current.append(seen)
        try:
            yield seen
        finally:
            _current.pop()
            after = _state()
            seen.moved += [name for name, value in before.items() if not _same(value, after[name])]
            _restore(before)


def _audit(event: str, args: tuple[Any, ...]) -> None:
    if not _current:
        return
    seen = _current[-1]
    if event in NETWORK:
        target = next((a for a in args if isinstance(a, (str, tuple, bytes))), "")
        if not _is_local(target):
            seen.network.append(f"{event} {target!r}")
            raise NetworkForbidden(f"the conformance kit refuses the network: {event} {target!r}")
    elif event == "open" and isinstance(args[0], (str, bytes)):
        path, mode, flags = os.fsdecode(args[0]), args[1], args[2] or 0
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) or (mode and set(mode) & set("wxa"))
        (seen.written if writes else seen.opened).add(os.path.abspath(path))
        if writes and seen.refuse and not path.startswith(_DEVICES):
            raise _full(path)
    elif seen.refuse and event in _SINKS:
        raise _full(event)
    elif event == "pickle.find_class":
        seen.pickles.append(f"a pickle that names {'.'.join(map(str, args))} was read")


def _full(what: str) -> OSError:
    return OSError(errno.ENOSPC, f"the conformance kit refuses it: {what}")


def _is_local(target: Any) -> bool:
    """Whether it is a socket in the file system, as processes of one machine use them."""
    return isinstance(target, (str, bytes)) and os.fsdecode(target)[:1] in ("/", "\0")


def _noted(name: str, seen: Observations) -> Any:
    original = getattr(pickle, name)
    if isinstance(original, type):

        class Noted(original):  # type: ignore[misc,valid-type]
            """Tells that it was made."""

            def __init__(self, *args: Any, **kwargs: Any) -> None:
                seen.pickles.append(f"pickle.{name} was used")
                super().__init__(*args, **kwargs)

        return Noted

    def noted(*args: Any, **kwargs: Any) -> Any:
        seen.pickles.append(f"pickle.{name} was called")
        return original(*args, **kwargs)

    return noted


def _state() -> dict[str, Any]:
    import numpy as np
    import torch

    return {
        "the state of `random`": random.getstate(),
        "the state of `numpy.random`": np.random.get_state(),
        "the state of torch's generator": torch.get_rng_state(),
        "torch's number of threads": torch.get_num_threads(),
        "torch's default dtype": torch.get_default_dtype(),
        "whether torch records gradients": torch.is_grad_enabled(),
        "the environment variables": dict(os.environ),
        "the current folder": os.getcwd(),
    }


def _restore(state: dict[str, Any]) -> None:
    import numpy as np
    import torch

    random.setstate(state["the state of `random`"])
    np.random.set_state(state["the state of `numpy.random`"])
    torch.set_rng_state(state["the state of torch's generator"])
    torch.set_default_dtype(state["torch's default dtype"])
    torch.set_grad_enabled(state["whether torch records gradients"])
    if torch.get_num_threads() != state["torch's number of threads"]:
        torch.set_num_threads(state["torch's number of threads"])
    if os.getcwd() != state["the current folder"]:
        os.chdir(state["the current folder"])


def _same(one: Any, other: Any) -> bool:
    from kpframework.testing.conformance.equality import equal

    return equal(one, other)


def stray(seen: Observations, folder: Path, scratch: Path) -> list[str]:
    """Return files that were written where a component has nothing to write.

    Args:
        seen: while it was at work.
        folder: of the samples.
        scratch: of the component; it may write there, and to temporary files of its own.
    """
    from kpframework.plugins.settings import cache_folder

    own = [str(cache_folder()), str(scratch), *_DEVICES]
    temporary, samples = os.path.realpath(tempfile.gettempdir()), str(folder)
    found = []
    for path in sorted({os.path.realpath(own) for own in seen.written}):
        outside = path.startswith(samples) or not path.startswith(temporary)
        if outside and "__pycache__" not in path and not path.startswith(tuple(own)):
            found.append(path)
    return found


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle, or an archive of torch's that holds one."""
    import zipfile

    with suppress(OSError, zipfile.BadZipFile):
        with path.open("rb") as file:
            head = file.read(4)
        if head[:1] == b"\x80" and head[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
            return True
        if head == b"PK\x03\x04":
            with zipfile.ZipFile(path) as archive:
                return any(name.endswith(".pkl") for name in archive.namelist())
    return False
