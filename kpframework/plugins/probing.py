"""Loading plugins on trial in other processes, with a time limit, and remembering the outcome."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from queue import Empty, Queue
from threading import Thread, Timer
from typing import Any, TextIO

from kpframework.component import Component
from kpframework.errors import Problem
from kpframework.plugins.loading import Loader
from kpframework.plugins.memory import remember
from kpframework.plugins.probed import READY, examine
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
    current: bool = True
    """Whether its files were read for it, as they are; else it had been imported here before."""


def probe(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    """Load plugins in another process and remember the outcome.

    One process loads them one after the other, until there is something to say of one: those
    behind it get a new process, so that what it does is not laid at their door. One that ends the
    process or takes longer than `LIMIT_SECONDS` is ``broken``. Where no other process can be had,
    as from an application with Python inside it, they are loaded in this one.
    """
    clean = _clean(records)
    found: list[Diagnosis] = []
    with _patience(len(clean)):
        while len(found) < len(clean):
            rest = clean[len(found) :]
            found += _loaded(rest, doctor=False) or _here(rest, doctor=False)
    _remember(found)
    return [d.record for d in found]


def retry(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    """As `probe`, but each in a process of its own, side by side: for those that failed before."""
    return [d.record for d in _apart(records, doctor=False)]


def diagnose(records: Iterable[PluginRecord]) -> list[Diagnosis]:
    """As `retry`, for any plugins; asks ``kp_doctor`` too."""
    return _apart(records, doctor=True)


def _apart(records: Iterable[PluginRecord], doctor: bool) -> list[Diagnosis]:
    clean = _clean(records)
    if not clean:
        return []
    with _patience(len(clean)):
        with ThreadPoolExecutor(min(len(clean), os.cpu_count() or 1)) as pool:
            tried = list(pool.map(lambda record: _loaded([record], doctor), clean))
        # Here it is one after the other: they share the modules of this process, and its stdout.
        pairs = zip(clean, tried, strict=True)
        found = [d for record, own in pairs for d in own or _here([record], doctor)]
    _remember(found)
    return found


def _remember(found: Iterable[Diagnosis]) -> None:
    remember(d.record for d in found if d.current)


def _clean(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    return [
        replace(
            r,
            state="ok",
            reason="",
            fix="",
            note="",
            components=(),
            hooks=(),
            cached=False,
            hung=False,
        )
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
    """Load plugins in one process; return them up to the first of which there is a remark.

    Where the process itself does not start, which is no plugin's fault, none is returned.
    """
    found: list[Diagnosis] = []
    with _process(records, doctor) as started:
        if started is None:
            return []
        process, answer = started
        try:
            for record in records:
                found.append(_diagnosis(record, json.loads(answer(LIMIT_SECONDS))))
                if found[-1].record.state != "ok" or found[-1].record.note:
                    break
            return found
        except Empty:
            return [*found, _hung(records[len(found)])]
        except (ValueError, KeyError, TypeError):
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
            reason = f"loading it ends the process (exit code {process.returncode})"
    record = records[len(found)]
    disable = f"kpframework plugins disable {record.name}"
    return [*found, Diagnosis(replace(record, state="broken", reason=reason, fix=disable))]


def _hung(record: PluginRecord) -> Diagnosis:
    reason = f"not loaded within {LIMIT_SECONDS:.0f} s"
    # Nothing else tries it again while its files are the same.
    again = f"kpframework plugins doctor {record.name} (tries it again)"
    fix = f"{again}, or: kpframework plugins disable {record.name}"
    return Diagnosis(replace(record, state="broken", reason=reason, fix=fix, hung=True))


def _here(records: Sequence[PluginRecord], doctor: bool) -> list[Diagnosis]:
    """Load plugins in this process."""
    found: list[Diagnosis] = []
    loader = Loader()
    for record in records:
        current = not {record.module, record.command_module} & sys.modules.keys()
        loaded, problems = examine(loader, record, doctor)
        found.append(Diagnosis(loaded, tuple(problems), current))
    return found


@contextmanager
def _process(
    records: Sequence[PluginRecord], doctor: bool
) -> Iterator[tuple[subprocess.Popen[str], Callable[[float], str]] | None]:
    """Start a process that loads plugins; yield it, and what waits for its next line.

    That raises `Empty` after the seconds it is given, and returns an empty line at the end. Where
    no such process can be had, None is yielded.
    """
    # `import` passes over what is no text, and a subclass need not be written as text is.
    path = [str(own) for own in sys.path if isinstance(own, str)]
    try:
        process = subprocess.Popen(
            # Not -m: where this package is found may be known to this process alone.
            [sys.executable or "", "-P", "-c", _START.format(path=path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
    except OSError:
        yield None
        return
    request = {
        "records": [asdict(r) for r in records],
        "doctor": doctor,
        "seconds": START_SECONDS + LIMIT_SECONDS * len(records),
    }
    lines: Queue[str] = Queue()
    threads = (
        # A process that does not read would keep the one that writes for ever.
        Thread(target=_write, args=(process.stdin, request), daemon=True),
        Thread(target=_read, args=(process.stdout, lines), daemon=True),
    )
    for thread in threads:
        thread.start()
    try:

        def answer(seconds: float) -> str:
            return lines.get(timeout=seconds)

        yield (process, answer) if _ready(answer) else None
    finally:
        _end(process)
        for thread in threads:
            thread.join(1)


def _ready(answer: Callable[[float], str]) -> bool:
    """Wait for the process to start; what its start-up files print is passed over."""
    end = time.monotonic() + START_SECONDS
    with suppress(Empty):
        while (left := end - time.monotonic()) > 0 and (line := answer(left)):
            if line == READY:
                return True
    return False


def _write(stream: TextIO, request: Mapping[str, Any]) -> None:
    # Windows has no name of its own for a pipe that nobody reads.
    with suppress(OSError, ValueError), stream:
        json.dump(request, stream)


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
