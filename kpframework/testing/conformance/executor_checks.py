"""What an executor promises."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from kpframework.api.executor import Work
from kpframework.errors import KpError
from kpframework.testing.conformance import executor_work
from kpframework.testing.conformance.limited import within
from kpframework.testing.conformance.model import Blocked, check, ensure, fail
from kpframework.testing.conformance.subject import Subject

LIMIT = 90.0
"""Longest wait for an executor, in seconds: a cluster may have to be started first."""
PATIENCE = 15.0
"""Longest that shards wait for each other, or for the executor."""
_LULL = 0.3
COUNT = 4
VALUE: dict[str, Any] = {
    "text": 'déjà 𝛽\u2028 "quoted" \\ \n \t end',
    "numbers": [0, -1, 2**53, 0.1, 1e-300],
    "nothing": None,
    "yes": True,
    "nested": {"z": [], "a": {}},
}
Pairs = list[tuple[int, Mapping[str, Any]]]


class _Mapping:
    """One call of an executor's `map`, whose shards have a folder of their own."""

    def __init__(self, subject: Subject, do: str, count: int = 1, **shard: Any) -> None:
        self.folder: Path = subject.world.new_scratch()
        self.shards = [{"do": do, "number": number, **shard} for number in range(count)]
        self.arguments: dict[str, Any] = {
            "folder": str(self.folder),
            "asker": executor_work.process(),
            "patience": PATIENCE,
        }
        self._executor = subject.create()

    @property
    def work(self) -> Work:
        """What is asked of the executor."""
        return Work(f"{executor_work.__name__}:open_work", self.arguments)

    def pairs(self, told: Callable[[], Any] = lambda: None) -> Pairs:
        """Return everything that is yielded; ``told`` is called after each."""

        def collect() -> Pairs:
            found = []
            for pair in self._executor.map(self.work, self.shards):
                found.append(pair)
                told()
            return found

        return within(LIMIT, collect)

    def first(self) -> None:
        """Take one outcome, and close the iterator."""

        def take() -> None:
            with closing(self._executor.map(self.work, self.shards)) as outcomes:
                next(outcomes)

        within(LIMIT, take)

    def error(self) -> KpError:
        """Return the error it ends with."""
        try:
            self.pairs()
        except KpError as error:
            return error
        fail("a shard raises, and the executor does not")

    def tries(self, number: int = 0) -> int:
        """Return how often a shard was begun."""
        return len((self.folder / f"tries-{number}").read_text(encoding="utf-8"))

    def is_quiet(self) -> bool:
        """Return whether no shard is at work any more."""
        before = self._beats()
        time.sleep(_LULL)
        return before == self._beats()

    def _beats(self) -> int:
        return sum(path.stat().st_size for path in self.folder.glob("beats-*"))


def work(subject: Subject) -> Pairs:
    """Have some numbers squared, of which the first takes longest."""
    squares = _Mapping(subject, "square", COUNT)
    squares.shards[0]["sleep"] = 0.5
    return sorted(squares.pairs(), key=lambda pair: pair[0])


def _elsewhere(subject: Subject) -> bool:
    return not subject.declares.get("in_process")


def _workers(subject: Subject) -> None:
    if any(outcome.get("here") for _, outcome in subject.result()):
        raise Blocked("its shards are done in the process that asks, where no worker is")


@check("executor")
def every_shard_is_told_once(subject: Subject) -> None:
    """The outcome of each shard is yielded, and none comes twice."""
    found = [index for index, _ in subject.result()]
    ensure(found == list(range(COUNT)), f"of {COUNT} shards it yields {found}")


@check("executor")
def outcomes_belong_to_their_shards(subject: Subject) -> None:
    """Beside an index stands what that shard's function returned."""
    for index, outcome in subject.result():
        found = outcome.get("square")
        ensure(found == index**2, f"shard {index} has the outcome of another one: {outcome}")


@check("executor")
def outcomes_are_told_as_they_finish(subject: Subject) -> None:
    """An outcome is yielded once it is there, not after those of other shards."""
    subject.result()
    waiting = _Mapping(subject, "wait", 3)
    pairs = waiting.pairs(told=(waiting.folder / "told").touch)
    late = not all(outcome["told"] for _, outcome in pairs)
    ensure(not late, f"the first is not yielded for {PATIENCE:g} seconds, while others are at work")


@check("executor")
def no_shard_is_no_error(subject: Subject) -> None:
    """Without shards nothing is yielded, and the work is not opened."""
    subject.result()
    nothing = _Mapping(subject, "square", 0)
    nothing.arguments["opens"] = False
    found = nothing.pairs()
    ensure(not found, f"without shards it yields {found}")


@check("executor")
def shards_arrive_as_they_are(subject: Subject) -> None:
    """Arguments, shards and outcomes are, on the other side, the JSON they were."""
    subject.result()
    echo = _Mapping(subject, "echo", 2, value=VALUE)
    echo.arguments["value"] = VALUE
    for index, outcome in echo.pairs():
        for name, sent in (("shard", echo.shards[index]), ("arguments", echo.arguments)):
            there = _text(outcome.get(name))
            ensure(
                there == _text(sent), f"of shard {index} the {name} {_text(sent)} became {there}"
            )


@check("executor")
def what_a_shard_raises_is_raised(subject: Subject) -> None:
    """A `KpError` of a shard is raised with its code, place, fix and exit code."""
    subject.result()
    _ensure_raised(_Mapping(subject, "fail").error(), "KP900", "corpus:3:1")


@check("executor")
def an_error_of_opening_is_raised(subject: Subject) -> None:
    """So is one that is raised while the work is opened."""
    subject.result()
    closed = _Mapping(subject, "square", 2)
    closed.arguments["opens"] = False
    _ensure_raised(closed.error(), "KP901", "work:1:1")


@check("executor")
def any_other_error_is_kp840(subject: Subject) -> None:
    """Any other exception of a shard is raised as KP840, which says what it was."""
    subject.result()
    error = _Mapping(subject, "divide").error()
    told = error.code == "KP840" and "ZeroDivisionError" in str(error)
    ensure(told, f"a ZeroDivisionError of a shard is raised as {error.problems[0]}")


@check("executor")
def an_error_is_not_tried_again(subject: Subject) -> None:
    """A shard that raises is begun once: its function is pure, it would raise again."""
    subject.result()
    failing = _Mapping(subject, "fail")
    failing.error()
    ensure(failing.tries() == 1, f"a shard that raises is begun {failing.tries()} times")


@check("executor")
def in_process_is_as_declared(subject: Subject) -> None:
    """Shards are done in the process that asks if it declares so, and nowhere there else."""
    here = [bool(outcome.get("here")) for _, outcome in subject.result()]
    declared = not _elsewhere(subject)
    done = "in the process that asks" if any(here) else "in other processes"
    ensure(
        all(own == declared for own in here),
        f"its shards are done {done}: declare capabilities={{'in_process': {any(here)}}}",
    )


@check("executor", when=_elsewhere)
def what_a_shard_prints_is_no_answer(subject: Subject) -> None:
    """What a component prints in a worker does not stand among the answers."""
    _workers(subject)
    for index, outcome in _Mapping(subject, "prints", 2).pairs():
        ensure(
            outcome == {"square": index**2}, f"what shard {index} printed is told as its outcome"
        )


@check("executor", when=_elsewhere)
def a_dead_workers_shard_is_done_again(subject: Subject) -> None:
    """A shard whose worker died is done again, and the others are not lost."""
    _workers(subject)
    dying = _Mapping(subject, "die", COUNT, times=0)
    dying.shards[1]["times"] = 1
    found = sorted(dying.pairs(), key=lambda pair: pair[0])
    whole = [(index, {"square": index**2}) for index in range(COUNT)]
    ensure(found == whole, f"after the death of a worker it yields {found}")


@check("executor", when=_elsewhere)
def a_shard_that_kills_is_given_up(subject: Subject) -> None:
    """A shard that no worker survives is given up with KP841, which names it."""
    _workers(subject)
    killing = _Mapping(subject, "die", 2, times=0)
    killing.shards[1]["times"] = executor_work.DEATHS
    try:
        killing.pairs()
    except KpError as error:
        named = error.code == "KP841" and re.search(r"\b1\b", error.problems[0].message)
        ensure(bool(named), f"it is raised as {error.problems[0]}: take `worker_died`")
        return
    fail(f"it is done again though its worker died {executor_work.DEATHS} times")


@check("executor", when=_elsewhere)
def closing_stops_the_workers(subject: Subject) -> None:
    """When the iterator is closed, no worker is left at work."""
    _workers(subject)
    beating = _Mapping(subject, "beat", 3, fails=False)
    beating.first()
    ensure(beating.is_quiet(), "a worker goes on after the iterator was closed")


@check("executor", when=_elsewhere)
def an_error_stops_the_workers(subject: Subject) -> None:
    """When it ends with an error, no worker is left at work."""
    _workers(subject)
    beating = _Mapping(subject, "beat", 3, fails=True)
    beating.error()
    ensure(beating.is_quiet(), "a worker goes on after the error was raised")


def _ensure_raised(error: KpError, code: str, place: str) -> None:
    problem = error.problems[0]
    same = (problem.code, problem.where, problem.fix) == (code, place, "own fix")
    ensure(same, f"{code} at {place} is raised as {problem}")
    ensure(error.exit_code == 2, f"its exit code 2 becomes {error.exit_code}")


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
