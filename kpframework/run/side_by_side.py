"""Independent steps side by side: a few worker processes, forked with the plan in their memory.

The processes are forked before anything computes or draws, so that no thread is lost and no step
has to be pickled. They speak JSON through a pipe each; what a step leaves lies in the cache, where
parent and workers find it by its key.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from multiprocessing.connection import Connection, wait
from typing import Any

from kpframework.api.context import Advance
from kpframework.errors import KpError, Problem
from kpframework.run.cache import Cache
from kpframework.run.progress import Display
from kpframework.run.step import Step
from kpframework.run.step_result import StepResult, finished, reused, run_step, skipped

_BETWEEN = 0.1
"""Seconds between two messages about one progress bar."""


def share_of_cores(jobs: int) -> int:
    """Return how many threads each of some processes may use so that together they use all."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // jobs)


def what_hinders(device: str) -> str:
    """Return why steps cannot be made side by side with a device; empty if they can."""
    if sys.platform == "linux" and device == "cpu":
        return ""
    return f"steps side by side take Linux and a CPU; this is {sys.platform} with {device}"


class Workers:
    """Processes that make the steps of a plan.

    Args:
        steps: of the plan, in order.
        cache: where finished steps lie.
        jobs: how many processes.
        device: given to the actions.
        verify: compare reused folders by sha256.

    Raises:
        KpError: KP512, there is no fork here, or the device is no CPU.
    """

    def __init__(
        self, steps: Sequence[Step], cache: Cache, jobs: int, device: str, verify: bool
    ) -> None:
        if obstacle := what_hinders(device):
            raise KpError("KP512", obstacle, "leave out --jobs")
        self._steps, self._cache, self._verify = steps, cache, verify
        fork = multiprocessing.get_context("fork")
        self._processes: dict[Connection, Any] = {}
        named = {step.name: step for step in steps}
        for _ in range(min(jobs, len(steps))):
            ours, theirs = fork.Pipe()
            inherited = [*self._processes, ours]
            process = fork.Process(
                target=_work, args=(theirs, inherited, named, cache, device, verify)
            )
            process.start()
            theirs.close()
            self._processes[ours] = process

    def execute(
        self, display: Display, on_step: Callable[[StepResult], None], keep_going: bool
    ) -> dict[str, StepResult]:
        """Make the steps, each when its inputs are there; see `kpframework.run.execute.execute`."""
        results: dict[str, StepResult] = {}
        waiting = list(self._steps)
        busy: dict[Connection, Step] = {}
        bars = _Bars(display)
        looked: set[str] = set()  # for what the cache has

        def settle(result: StepResult) -> None:
            results[result.step.name] = result
            with display.step(result.step.name):
                pass
            display.note(", ".join(step.name for step in busy.values()))
            display.finished(result.step.name, result.status, result.seconds, result.reason)
            on_step(result)
            if result.error is not None and not keep_going:
                raise result.error

        try:
            while waiting or busy:
                for step in [s for s in waiting if _ready(s, results)]:
                    result = skipped(step, results)
                    if result is None and step.name not in looked:
                        looked.add(step.name)
                        result = reused(step, self._cache, verify=self._verify, notify=display.say)
                    if result is None and not self._processes:
                        result = StepResult(step, "skipped", reason="no worker is left")
                    if result is not None:
                        waiting.remove(step)
                        settle(result)
                        break  # what waits for it comes first again
                    idle = [own for own in self._processes if own not in busy]
                    if not idle:
                        continue
                    if not self._given(idle[0], step):
                        break
                    waiting.remove(step)
                    busy[idle[0]] = step
                    display.note(", ".join(own.name for own in busy.values()))
                else:
                    for connection in wait(list(busy)):
                        assert isinstance(connection, Connection)
                        result = self._heard(connection, busy[connection], bars)
                        if result is not None:
                            del busy[connection]
                            settle(result)
        finally:
            bars.close()
            self.close()
        return {step.name: results[step.name] for step in self._steps}

    def close(self) -> None:
        """Stop every process; what they were at can be resumed."""
        for connection, process in self._processes.items():
            connection.close()
            process.terminate()
        for process in self._processes.values():
            process.join()
        self._processes.clear()

    def _given(self, connection: Connection, step: Step) -> bool:
        """Give a step to an idle process; forget one that was killed while it waited."""
        try:
            _send(connection, step.name)
        except OSError:
            self._end(connection)
            return False
        return True

    def _end(self, connection: Connection) -> int | None:
        """Take leave of a process that is no more; return its exit code."""
        process = self._processes.pop(connection)
        connection.close()
        process.join()
        return process.exitcode if isinstance(process.exitcode, int) else None

    def _heard(self, connection: Connection, step: Step, bars: _Bars) -> StepResult | None:
        """Take one message; return the step's result if it is at its end."""
        try:
            message = json.loads(connection.recv_bytes())
        except (EOFError, OSError):
            bars.drop(connection)
            return _failed(step, 0.0, _death(step, self._end(connection)))
        if "status" not in message:
            bars.take(connection, step, message)
            return None
        bars.drop(connection)
        if message["status"] == "failed":
            error = KpError.of([Problem(**problem) for problem in message["problems"]])
            error.exit_code = message["exit_code"]
            return _failed(step, message["seconds"], error, message["reason"])
        entry = self._cache.open(step)
        if entry is None:
            return _failed(step, message["seconds"], _death(step, None))
        return finished(step, message["status"], entry)


def _ready(step: Step, results: Mapping[str, StepResult]) -> bool:
    return all(other.name in results for other in step.inputs.values())


def _failed(step: Step, seconds: float, error: KpError, reason: str = "") -> StepResult:
    reason = reason or error.problems[0].message
    return StepResult(step, "failed", seconds=seconds, reason=reason, error=error)


def _death(step: Step, code: int | None) -> KpError:
    how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
    return KpError(
        "KP513",
        f"the process that made {step.name} ended {how}",
        "often the memory is full: use fewer --jobs; the same command resumes where it stopped",
    )


class _Bars:
    """The workers' progress bars, in the parent's display."""

    def __init__(self, display: Display) -> None:
        self._display = display
        self._open: dict[tuple[Connection, int], tuple[ExitStack, Advance]] = {}

    def take(self, connection: Connection, step: Step, message: Mapping[str, Any]) -> None:
        if "say" in message:
            self._display.say(message["say"])
            return
        place = connection, message["bar"]
        if "total" in message:
            closing = ExitStack()
            shown = f"{step.name}: {message['description']}"
            advance = closing.enter_context(self._display.progress(shown, message["total"]))
            self._open[place] = closing, advance
        elif "advance" in message:
            self._open[place][1](message["advance"], message["note"])
        else:
            self._open.pop(place)[0].close()

    def drop(self, connection: Connection) -> None:
        for place in [own for own in self._open if own[0] is connection]:
            self._open.pop(place)[0].close()

    def close(self) -> None:
        for connection in {own[0] for own in self._open}:
            self.drop(connection)


class _Remote(Display):
    """A display whose bars are the parent's."""

    def __init__(self, connection: Connection) -> None:
        super().__init__(enabled=False)
        self._connection = connection
        self._bars = 0

    @contextmanager
    def progress(self, description: str, total: int | None) -> Iterator[Advance]:
        self._bars += 1
        bar, behind, told = self._bars, 0, time.monotonic()
        self._tell(bar=bar, description=description, total=total)

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal behind, told
            behind += steps
            if time.monotonic() - told >= _BETWEEN:
                self._tell(bar=bar, advance=behind, note=note)
                behind, told = 0, time.monotonic()

        try:
            yield advance
        finally:
            self._tell(bar=bar)

    def say(self, text: str) -> None:
        self._tell(say=text)

    def _tell(self, **message: Any) -> None:
        _send(self._connection, json.dumps(message))


def _send(connection: Connection, text: str) -> None:
    connection.send_bytes(text.encode())


def _work(
    connection: Connection,
    inherited: Sequence[Connection],
    steps: Mapping[str, Step],
    cache: Cache,
    device: str,
    verify: bool,
) -> None:
    """Make steps by name until the parent is gone."""
    # The parent answers an interruption and stops its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for other in inherited:
        other.close()  # else a parent that died would not be noticed
    display = _Remote(connection)
    while True:
        try:
            step = steps[connection.recv_bytes().decode()]
        except EOFError:
            return
        done = {
            other.name: reused(other, cache, verify=False, notify=display.say)
            for other in step.inputs.values()
        }
        found = {name: result for name, result in done.items() if result is not None}
        result = run_step(step, cache, found, device, display, verify)
        message: dict[str, Any] = {
            "status": result.status,
            "seconds": result.seconds,
            "reason": result.reason,
        }
        if result.error is not None:
            message["problems"] = [asdict(problem) for problem in result.error.problems]
            message["exit_code"] = result.error.exit_code
        _send(connection, json.dumps(message))
