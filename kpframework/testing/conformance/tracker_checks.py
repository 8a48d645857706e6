"""What a tracker promises, on a run that was recorded."""

from __future__ import annotations

import copy
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from kpframework.plugins.importing import describe
from kpframework.testing.conformance.limited import within
from kpframework.testing.conformance.model import check, ensure, fail
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.watch import watching

RECORDED = Path(__file__).with_name("tracked_run.json")
LIMIT = 60.0
"""Longest that a tracker may wait for what it writes to, in seconds."""
_GRACE = 2.0
_OPEN = Path("/proc/self/fd")
_NAMES = {
    "run_started": ("the spec", "the plan"),
    "step_done": ("the step",),
    "run_done": ("the results", "the folder"),
    "run_failed": ("the reason",),
}


@cache
def _recorded() -> dict[str, Any]:
    """Return what a tracker was told of a run: spec, plan, steps of every status, results."""
    found: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


class _Run:
    """The recorded run, told to a new tracker in a folder of its own.

    Args:
        subject: the tracker.
        there: whether the run's folder is there before the first step.
        failures: whether the steps and rows that failed are told as well.
        tracker: takes the place of a new one.
    """

    def __init__(
        self, subject: Subject, *, there: bool = True, failures: bool = False, tracker: Any = None
    ) -> None:
        self._current = subject.world.new_scratch()
        self.folder = self._current / "runs/tiny"
        if there:
            self.folder.mkdir(parents=True)
        self.told = copy.deepcopy(_recorded())
        self.told["plan"]["folder"] = str(self.folder)
        if not failures:
            steps, rows = self.told["steps"], self.told["results"]["rows"]
            self.told["steps"] = [own for own in steps if own["status"] == "made"]
            self.told["results"]["rows"] = [own for own in rows if own["status"] == "ok"]
        self.tracker = subject.create() if tracker is None else tracker
        self.changed: list[str] = []

    def whole(self) -> None:
        """Tell it all, from the start to the results."""
        self.start()
        for step in self.told["steps"]:
            self.tell("step_done", step)
        if not (self.folder / "results.json").exists():
            self.write()
        self.tell("run_done", self.told["results"], self.folder)

    def start(self) -> None:
        """Tell that it starts."""
        self.tell("run_started", self.told["spec"], self.told["plan"])

    def tell(self, method: str, *arguments: Any) -> None:
        """Call a method of the tracker, as a run does; note which arguments it changes."""
        before = copy.deepcopy(arguments)
        with _inside(self._current):
            getattr(self.tracker, method)(*arguments)
        for name, was, is_now in zip(_NAMES[method], before, arguments, strict=True):
            if was != is_now:
                self.changed.append(f"{method} changes {name}")

    def still_open(self) -> list[str]:
        """Return files of the run's surroundings that this process has open."""
        found = []
        for descriptor in _OPEN.iterdir():
            with suppress(OSError):
                path = os.readlink(descriptor)
                if path.startswith(str(self._current)):
                    found.append(os.path.relpath(path, self._current))
        return sorted(found)

    def write(self) -> None:
        """Write what stands in a run's folder at its end."""
        from kpframework.report import write_report
        from kpframework.run.record import write_json_atomic

        results = self.told["results"]
        files = {
            "results.json": results,
            "kp.lock": results["lock"],
            "spec.json": self.told["spec"],
        }
        for name, content in files.items():
            write_json_atomic(self.folder / name, content)
        write_report(results, self.folder)


@contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Make a folder the current one: what a tracker writes by default lies below it."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        if Path.cwd() == folder:  # else the tracker went elsewhere, which another check tells
            os.chdir(before)


def work(subject: Subject) -> None:
    """Tell it a run that goes well."""
    within(LIMIT, _Run(subject).whole)


@check("tracker")
def steps_of_every_status_are_taken(subject: Subject) -> None:
    """Steps that were made, reused, failed or skipped are taken, with metrics or without."""
    subject.result()
    run = _Run(subject, failures=True)
    run.start()
    for step in run.told["steps"]:
        try:
            run.tell("step_done", step)
        except Exception as error:
            fail(f"a step that is {step['status']} ({step['name']}): {describe(error)}")


@check("tracker")
def rows_that_failed_are_taken(subject: Subject) -> None:
    """Results of which a row has no metrics, since its training failed, are taken."""
    subject.result()
    run = _Run(subject, failures=True)
    run.told["steps"] = []
    run.whole()


@check("tracker")
def the_folder_need_not_be_there(subject: Subject) -> None:
    """A run starts before its folder is made."""
    subject.result()
    _Run(subject, there=False).whole()


@check("tracker")
def a_run_may_fail_before_its_first_step(subject: Subject) -> None:
    """`run_failed` is taken right after `run_started`."""
    subject.result()
    run = _Run(subject, there=False)
    run.start()
    run.tell("run_failed", "KeyboardInterrupt")


@check("tracker")
def a_run_may_follow_another(subject: Subject) -> None:
    """In the same process a second run is taken as the first one was, a failed one too."""
    subject.result()
    failed = _Run(subject)
    failed.start()
    failed.tell("run_failed", "a step failed")
    try:
        _Run(subject).whole()
    except Exception as error:
        fail(f"the run after one that failed: {describe(error)}")


@check("tracker")
def arguments_are_left_alone(subject: Subject) -> None:
    """What it is told is not changed: other trackers and the record are told the same."""
    subject.result()
    run = _Run(subject, failures=True)
    with suppress(Exception):  # what it does not take, another check tells
        run.whole()
    ensure(not run.changed, "; ".join(dict.fromkeys(run.changed)))


@check("tracker")
def no_thread_is_left(subject: Subject) -> None:
    """After the run no thread of it keeps the process from ending."""
    subject.result()
    before = set(threading.enumerate())
    _Run(subject).whole()
    end = time.monotonic() + _GRACE
    while (left := [own for own in _keeping() if own not in before]) and time.monotonic() < end:
        time.sleep(0.02)
    ensure(not left, f"{', '.join(own.name for own in left)} goes on after the run")


@check("tracker", when=lambda _subject: _OPEN.is_dir())
def its_files_are_closed(subject: Subject) -> None:
    """After the run, finished or failed, the files it wrote are whole and closed."""
    subject.result()
    done, failed = _Run(subject), _Run(subject)
    done.whole()
    failed.start()
    failed.tell("run_failed", "a step failed")
    for run, end in ((done, "run_done"), (failed, "run_failed")):
        found = run.still_open()
        ensure(not found, f"after {end} it has {', '.join(found)} open")


@check("tracker")
def a_failing_sink_does_not_hold_up_the_run(subject: Subject) -> None:
    """Where nothing can be written or reached, it raises or goes on, in bounded time."""
    from kpframework.run.tracking import Trackers

    subject.result()
    trackers = Trackers([subject.bound], lambda _warning: None)
    run = _Run(subject, failures=True, tracker=_Called(trackers))
    run.write()
    with watching(refuse=True):
        within(LIMIT, run.whole)


class _Called:
    """Stands for a tracker, and calls those of a run."""

    def __init__(self, trackers: Any) -> None:
        self._trackers = trackers

    def __getattr__(self, method: str) -> Any:
        return lambda *arguments: self._trackers.call(method, *arguments)


def _keeping() -> list[threading.Thread]:
    return [own for own in threading.enumerate() if own.is_alive() and not own.daemon]
