"""What the shards of the executor's checks do, in whatever process they are done.

Imported by workers, so nothing heavy is imported here. Shards tell each other what happens by files
in the folder of the work.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kpframework.errors import SpecError

DEATHS = 20
"""Times a shard that is to kill its worker does so; who tries it that often tries without end."""
_TICK = 0.02


def process() -> list[Any]:
    """Return what names this process among all machines'."""
    return [platform.node(), os.getpid()]


def open_work(arguments: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the function of a shard, which does what the shard's ``do`` says.

    Args:
        arguments: ``folder``; ``asker``, the process of the check; ``patience`` in seconds; and
            ``opens``, without which opening fails.
    """
    if not arguments.get("opens", True):
        raise SpecError("KP901", "it does not open", "own fix", where="work:1:1")

    def function(shard: Mapping[str, Any]) -> Mapping[str, Any]:
        own = _Shard(shard, arguments)
        own.tries += 1
        outcome: Mapping[str, Any] = getattr(own, shard["do"])()
        return outcome

    return function


class _Shard:
    """One shard at work; its methods are what ``do`` can say."""

    def __init__(self, shard: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
        self.number = shard["number"]
        self.shard = shard
        self.arguments = arguments
        self.folder = Path(arguments["folder"])
        self.here = arguments["asker"] == process()

    @property
    def tries(self) -> int:
        """How often it was begun."""
        return _length(self._path("tries"))

    @tries.setter
    def tries(self, count: int) -> None:
        _grow(self._path("tries"))

    def square(self) -> dict[str, Any]:
        """Return the number's square, after a sleep."""
        time.sleep(self.shard.get("sleep", 0))
        return {"square": self.number**2, "here": self.here}

    def echo(self) -> dict[str, Any]:
        """Return what was told."""
        return {"shard": dict(self.shard), "arguments": dict(self.arguments)}

    def prints(self) -> dict[str, Any]:
        """Print what looks like an answer."""
        if not self.here:
            line = '{"outcome": {"square": -1}}\n'
            print(line, end="", flush=True)  # noqa: T201  # what a linker may do
            os.write(1, line.encode())
        return {"square": self.number**2}

    def fail(self) -> dict[str, Any]:
        """Raise an error with a place of its own."""
        raise SpecError("KP900", "own words", "own fix", where="corpus:3:1")

    def divide(self) -> dict[str, Any]:
        """Raise what is no `KpError`."""
        return {"never": 1 / 0}

    def die(self) -> dict[str, Any]:
        """Kill the worker, as often as the shard says."""
        if not self.here and self.tries <= min(self.shard["times"], DEATHS):
            os._exit(9)
        return {"square": self.number**2}

    def wait(self) -> dict[str, Any]:
        """Return at once, if it is the first; else once somebody was told of that one."""
        if self._first():
            return {"told": True}
        return {"told": self._until((self.folder / "told").exists)}

    def beat(self) -> dict[str, Any]:
        """Grow a file for as long as it is at work; the first waits for another to be."""
        if not self._first():
            self._until(self._beats)
            return {}
        self._until(lambda: any(self.folder.glob("beats-*")))
        return self.fail() if self.shard["fails"] else {}

    def _beats(self) -> bool:
        _grow(self._path("beats"))
        return False

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}-{self.number}"

    def _first(self) -> bool:
        try:
            (self.folder / "first").open("x").close()
        except FileExistsError:
            return False
        return True

    def _until(self, holds: Callable[[], bool]) -> bool:
        end = time.monotonic() + self.arguments["patience"]
        while not (found := holds()) and time.monotonic() < end:
            time.sleep(_TICK)
        return found


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _grow(path: Path) -> None:
    with path.open("a", encoding="utf-8") as out:
        out.write("x")
