"""The process in which plugins are loaded on trial: asked on stdin, a line for each on stdout."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from threading import Thread
from typing import Any

from kpframework.errors import Problem
from kpframework.plugins.importing import describe
from kpframework.plugins.loading import Loader
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.registry import guarded

READY = "ready\n"
"""The first line of the answer, before any plugin was touched."""
WATCH_SECONDS = 1.0


def main() -> None:
    """Load the plugins of the request; answer with each one's record as a line of JSON.

    It ends at the first of which there is something to say, which may concern those behind it.
    """
    parent = os.getppid()
    request = json.load(sys.stdin)
    Thread(target=_watch, args=(parent, request["seconds"]), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a plugin prints must not mix with the answers.
    os.dup2(2, 1)
    loader = Loader()
    # On a line of its own, whatever start-up files have printed.
    answers.write("\n" + READY)
    answers.flush()
    for content in request["records"]:
        record, problems = examine(loader, PluginRecord(**content), request["doctor"])
        answers.write(json.dumps(_as_json(record, problems)) + "\n")
        answers.flush()
        if record.state != "ok" or record.note:
            break
    # A thread that a plugin started must not keep the process alive.
    os._exit(0)


def examine(
    loader: Loader, record: PluginRecord, doctor: bool
) -> tuple[PluginRecord, list[Problem]]:
    """Load a plugin in this process and, where wanted, ask its ``kp_doctor``."""
    loaded = loader.load(record)
    return loaded, _doctor(loader, loaded) if doctor and loaded.state == "ok" else []


def _watch(parent: int, seconds: float) -> None:
    """End this process when the one that asked is gone, or stopped counting.

    A plugin that hangs would otherwise do so for ever where that one was killed.
    """
    end = time.monotonic() + seconds
    while os.getppid() == parent and time.monotonic() < end:
        time.sleep(WATCH_SECONDS)
    os._exit(1)


def _as_json(record: PluginRecord, problems: list[Problem]) -> dict[str, Any]:
    components = (replace(c, capabilities=dict(c.capabilities)) for c in record.components)
    answer = asdict(replace(record, components=tuple(components)))
    return answer | {"problems": [asdict(problem) for problem in problems]}


def _doctor(loader: Loader, record: PluginRecord) -> list[Problem]:
    found: list[Problem] = []
    for result in guarded(lambda: [list(r) for r in loader.call(record, "kp_doctor")]):
        if isinstance(result, BaseException):
            found.append(
                Problem("KP209", f"kp_doctor of {record.title} failed: {describe(result)}")
            )
        else:
            found += [problem for problem in result if isinstance(problem, Problem)]
    return found
