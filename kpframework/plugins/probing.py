"""Loading plugins in processes of their own, with a time limit, and remembering the outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from kpframework.component import Component
from kpframework.errors import Problem
from kpframework.plugins.memory import remember
from kpframework.plugins.records import PluginRecord

LIMIT_SECONDS = 10.0


@dataclass(frozen=True)
class Diagnosis:
    """A plugin after it was loaded, and what its own ``kp_doctor`` found."""

    record: PluginRecord
    problems: tuple[Problem, ...] = ()


def probe(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    """Load plugins in processes of their own and remember the outcome."""
    return [diagnosis.record for diagnosis in diagnose(records, doctor=False)]


def diagnose(records: Iterable[PluginRecord], doctor: bool = True) -> list[Diagnosis]:
    """Load plugins in processes of their own, side by side, and ask their ``kp_doctor`` hooks.

    A plugin that ends its process or takes longer than `LIMIT_SECONDS` is ``broken``.
    """
    clean = [
        replace(r, state="ok", reason="", fix="", note="", components=(), hooks=(), cached=False)
        for r in records
    ]
    if not clean:
        return []
    with ThreadPoolExecutor(min(len(clean), 2 * (os.cpu_count() or 1))) as pool:
        diagnoses = list(pool.map(lambda record: _diagnose(record, doctor), clean))
    remember(d.record for d in diagnoses)
    return diagnoses


def _diagnose(record: PluginRecord, doctor: bool) -> Diagnosis:
    request = {"record": asdict(record), "doctor": doctor, "path": sys.path}
    disable = f"kpframework plugins disable {record.name}"
    try:
        output, code = _run(json.dumps(request))
    except subprocess.TimeoutExpired:
        reason = f"not loaded within {LIMIT_SECONDS:.0f} s"
        return Diagnosis(replace(record, state="broken", reason=reason, fix=disable))
    try:
        return _answer(record, json.loads(output))
    except (ValueError, KeyError, TypeError):
        reason = f"loading it ends the process (exit code {code})"
        return Diagnosis(replace(record, state="broken", reason=reason, fix=disable))


def _run(request: str) -> tuple[str, int]:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "kpframework.plugins.probed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(request, timeout=LIMIT_SECONDS)
        return output, process.returncode
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _answer(record: PluginRecord, answer: dict[str, Any]) -> Diagnosis:
    loaded = replace(
        record,
        state=answer["state"],
        reason=answer["reason"],
        fix=answer["fix"],
        note=answer["note"],
        components=tuple(Component(**c) for c in answer["components"]),
        hooks=tuple(answer["hooks"]),
    )
    return Diagnosis(loaded, tuple(Problem(**p) for p in answer["problems"]))
