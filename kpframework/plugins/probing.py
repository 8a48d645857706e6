"""Loading plugins on trial in other processes, with a time limit, and remembering the outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from queue import Empty, Queue
from threading import Thread, Timer
from typing import Any, TextIO

from kpframework.component import Component
from kpframework.errors import Problem
from kpframework.plugins.memory import remember
from kpframework.plugins.records import PluginRecord

LIMIT_SECONDS = 20.0
"""For one plugin, from when it is its turn."""
START_SECONDS = 60.0
"""For the process itself: a busy machine is no plugin's fault."""
QUIET_SECONDS = 1.0
"""After which a terminal is told what is waited for."""
_START = "import sys; sys.path[:] = {path!r}; from kpframework.plugins.probed import main; main()"


@dataclass(frozen=True)
class Diagnosis:
    """A plugin after it was loaded, and what its own ``kp_doctor`` found."""

    record: PluginRecord
    problems: tuple[Problem, ...] = ()


def probe(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    """Load plugins in another process and remember the outcome.

    One process loads them one after the other, until there is something to say of one: those
    behind it get a new process, so that what it does is not laid at their door. One that ends the
    process or takes longer than `LIMIT_SECONDS` is ``broken``.
    """
    clean = _clean(records)
    found: list[PluginRecord] = []
    with _patience(len(clean)):
        while len(found) < len(clean):
            found += [d.record for d in _loaded(clean[len(found) :], doctor=False)]
    remember(found)
    return found


def diagnose(records: Iterable[PluginRecord]) -> list[Diagnosis]:
    """As `probe`, but each plugin in a process of its own, side by side; asks ``kp_doctor`` too."""
    clean = _clean(records)
    if not clean:
        return []
    with _patience(len(clean)), ThreadPoolExecutor(min(len(clean), os.cpu_count() or 1)) as pool:
        diagnoses = list(pool.map(lambda record: _loaded([record], doctor=True)[0], clean))
    remember(d.record for d in diagnoses)
    return diagnoses


def _clean(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    return [
        replace(r, state="ok", reason="", fix="", note="", components=(), hooks=(), cached=False)
        for r in records
    ]


@contextmanager
def _patience(count: int) -> Iterator[None]:
    """Tell a terminal what is waited for, if it takes longer than an eye's blink."""
    plugins = "a plugin that is" if count == 1 else f"{count} plugins that are"
    line = f"loading {plugins} new or changed, on trial and once\n"
    timer = Timer(QUIET_SECONDS, lambda: sys.stderr.write(line))
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _loaded(records: Sequence[PluginRecord], doctor: bool) -> list[Diagnosis]:
    """Load plugins in one process; return them up to the first of which there is a remark."""
    found: list[Diagnosis] = []
    with _process(records, doctor) as (process, answer):
        try:
            answer(START_SECONDS)
            for record in records:
                found.append(_diagnosis(record, json.loads(answer(LIMIT_SECONDS))))
                if found[-1].record.state != "ok" or found[-1].record.note:
                    break
            return found
        except Empty:
            reason = f"not loaded within {LIMIT_SECONDS:.0f} s"
        except (ValueError, KeyError, TypeError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
            reason = f"loading it ends the process (exit code {process.returncode})"
    record = records[len(found)]
    disable = f"kpframework plugins disable {record.name}"
    return [*found, Diagnosis(replace(record, state="broken", reason=reason, fix=disable))]


@contextmanager
def _process(
    records: Sequence[PluginRecord], doctor: bool
) -> Iterator[tuple[subprocess.Popen[str], Callable[[float], str]]]:
    """Start a process that loads plugins; yield it, and what waits for its next line.

    That raises `Empty` after the seconds it is given, and returns an empty line at the end.
    """
    process = subprocess.Popen(
        # Not -m: where this package is found may be known to this process alone.
        [sys.executable, "-P", "-c", _START.format(path=sys.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    assert process.stdin is not None
    lines: Queue[str] = Queue()
    reader = Thread(target=_read, args=(process.stdout, lines), daemon=True)
    reader.start()
    try:
        with suppress(BrokenPipeError), process.stdin as asked:
            json.dump({"records": [asdict(r) for r in records], "doctor": doctor}, asked)
        yield process, lambda seconds: lines.get(timeout=seconds)
    finally:
        _end(process)
        reader.join(1)


def _read(stream: TextIO, lines: Queue[str]) -> None:
    with stream, suppress(ValueError, OSError):
        for line in stream:
            lines.put(line)
    lines.put("")


def _end(process: subprocess.Popen[str]) -> None:
    """End the process and what it started."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _diagnosis(record: PluginRecord, answer: dict[str, Any]) -> Diagnosis:
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
