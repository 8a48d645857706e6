"""A worker process: a line of JSON in for each shard, a line out, until its input ends.

Started as ``python -P -m kp_plugin_executors.process``. The first line is the work, the others are
shards.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from functools import partial
from typing import IO, Any

from kpframework.api import Work, reply


class _Opening:
    """The function of a shard, opened with the first one, so that an error in it is an answer."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._function: Any = None

    def __call__(self, shard: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._function is None:
            self._function = self._work.open()
        outcome: Mapping[str, Any] = self._function(shard)
        return outcome


def main() -> None:
    """Serve until the parent closes the pipe, or is no more."""
    # Ctrl-C reaches the whole group: the parent decides when its workers stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a linker prints must not stand among the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(sys.stdin, lines), daemon=True).start()
    function = _Opening(Work.from_json(lines.get()))
    while True:
        answers.write(reply(partial(function, json.loads(lines.get()))) + "\n")
        answers.flush()


def _listen(stream: IO[str], lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    # Nobody waits for an answer any more: end at once, in the middle of a shard too. Whoever does
    # the work anew removes what is left aside.
    os._exit(0)


if __name__ == "__main__":
    main()
