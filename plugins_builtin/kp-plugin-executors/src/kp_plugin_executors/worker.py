"""A worker as its parent sees it: a fresh Python that is told its shards in lines of JSON."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kpframework.api import Work

    Inbox = queue.SimpleQueue[tuple["Worker", str | None]]
else:
    Inbox = Any
"""Gets (worker, answer) whenever one answers, and (worker, None) when one is no more."""

_PATIENCE = 5.0
"""Seconds a worker has to end once its input is closed."""


class Worker:
    """A process, and the shard it is at."""

    def __init__(self, work: Work, threads: int, inbox: Inbox) -> None:
        # The import path of this process, whatever it is made of, such as an editable install's.
        path = os.pathsep.join(entry for entry in sys.path if entry)
        environment = {"OMP_NUM_THREADS": str(threads), **os.environ, "PYTHONPATH": path}
        self._process = subprocess.Popen(
            # -P: the current folder is not searched for modules.
            [sys.executable, "-P", "-m", "kp_plugin_executors.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            encoding="utf-8",
        )
        self.index = -1
        self._reader = threading.Thread(target=self._read, args=(inbox,), daemon=True)
        self._reader.start()
        self._write(work.to_json())

    def give(self, index: int, shard: Mapping[str, Any]) -> None:
        """Send it a shard."""
        self.index = index
        self._write(json.dumps(dict(shard)))

    def kill(self) -> None:
        """Stop it, whatever it is at."""
        self._process.kill()

    def end(self) -> str:
        """Let it end, and return how it did."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(OSError):  # what could not be sent to a dead worker
            self._process.stdin.close()
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._process.wait()
        self._reader.join()
        self._process.stdout.close()
        if code >= 0:
            return f"with exit code {code}"
        names = {int(own): own.name for own in signal.Signals}
        return f"by {names.get(-code, f'signal {-code}')}"

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it died, which the inbox will tell
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def _read(self, inbox: Inbox) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.endswith("\n"):  # else it died in the middle of an answer
                inbox.put((self, line))
        inbox.put((self, None))
