"""The process in which one plugin is loaded on trial: a request on stdin, an answer on stdout."""

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
    """Load the plugin of the request and answer with its record as JSON."""
    request = json.load(sys.stdin)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # Whatever the plugin prints must not mix with the answer.
    os.dup2(2, 1)
    sys.path[:] = request["path"]
    loader = Loader()
    record = loader.load(PluginRecord(**request["record"]))
    problems = _doctor(loader, record) if request["doctor"] and record.state == "ok" else []
    answer: dict[str, Any] = asdict(
        replace(
            record,
            components=tuple(
                replace(c, capabilities=dict(c.capabilities)) for c in record.components
            ),
        )
    )
    answer["problems"] = [asdict(problem) for problem in problems]
    answers.write(json.dumps(answer))
    answers.flush()
    # A thread the plugin started must not keep the process alive.
    os._exit(0)


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


if __name__ == "__main__":
    main()
