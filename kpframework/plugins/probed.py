"""The process in which plugins are loaded on trial: asked on stdin, a line for each on stdout."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, replace
from typing import Any

from kpframework.errors import Problem
from kpframework.plugins.importing import describe
from kpframework.plugins.loading import Loader
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.registry import guarded


def main() -> None:
    """Load the plugins of the request; answer with each one's record as a line of JSON.

    It ends at the first of which there is something to say, which may concern those behind it.
    """
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever a plugin prints must not mix with the answers.
    os.dup2(2, 1)
    loader = Loader()
    answers.write("ready\n")
    answers.flush()
    for content in request["records"]:
        record = loader.load(PluginRecord(**content))
        problems = _doctor(loader, record) if request["doctor"] and record.state == "ok" else []
        answers.write(json.dumps(_as_json(record, problems)) + "\n")
        answers.flush()
        if record.state != "ok" or record.note:
            break
    # A thread that a plugin started must not keep the process alive.
    os._exit(0)


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
