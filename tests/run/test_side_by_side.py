"""Independent steps made at once by several processes."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kpframework.errors import KpError
from kpframework.run.cache import Cache
from kpframework.run.execute import execute
from kpframework.run.progress import Display
from kpframework.run.step import Step, StepContext
from kpframework.run.step_result import StepResult

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="steps side by side take Linux")


def write(context: StepContext) -> Mapping[str, Any]:
    above = [(path / "text").read_text() for _, path in sorted(context.inputs.items())]
    with context.progress("write", 1) as advance:
        advance()
    text = "+".join([*above, str(context.params["own"])])
    (context.output / "text").write_text(text)
    return {"process": os.getpid(), "text": text}


def step(name: str, action: Any = write, **inputs: Step) -> Step:
    return Step(name, "test", {"own": name}, action, inputs)


def diamond() -> list[Step]:
    top = step("top")
    left, right = step("left", x=top), step("right", x=top)
    return [step("bottom", x=left, y=right), step("alone")]


def texts(results: Mapping[str, StepResult]) -> dict[str, Any]:
    return {name: result.metrics["text"] for name, result in results.items()}


def test_results_are_those_of_one_process_in_the_same_order(cache: Cache, tmp_path: Path) -> None:
    side, alone = execute(diamond(), cache, jobs=3), execute(diamond(), Cache(tmp_path / "other"))
    assert texts(side) == texts(alone)
    assert list(side) == list(alone)
    assert {result.status for result in side.values()} == {"made"}
    assert os.getpid() not in {result.metrics["process"] for result in side.values()}


def test_steps_that_do_not_need_each_other_are_made_at_once(cache: Cache, tmp_path: Path) -> None:
    def meet(context: StepContext) -> Mapping[str, Any]:
        (tmp_path / context.params["own"]).touch()
        end = time.monotonic() + 20
        while len(list(tmp_path.glob("meet-*"))) < 2 and time.monotonic() < end:
            time.sleep(0.01)
        return {"met": len(list(tmp_path.glob("meet-*")))}

    results = execute([step("meet-a", meet), step("meet-b", meet)], cache, jobs=2)
    assert [result.metrics["met"] for result in results.values()] == [2, 2]


def test_finished_steps_are_reused_and_no_process_is_asked(cache: Cache) -> None:
    made = execute(diamond(), cache)
    again = execute(diamond(), cache, jobs=2)
    assert {result.status for result in again.values()} == {"reused"}
    assert [r.metrics for r in again.values()] == [r.metrics for r in made.values()]


def test_a_failure_has_its_own_code_and_stops_the_rest(cache: Cache) -> None:
    def fail(context: StepContext) -> Mapping[str, Any]:
        raise KpError("KP720", "it does not fit", "make it smaller")

    with pytest.raises(KpError, match="it does not fit") as caught:
        execute([step("bad", fail), step("good")], cache, jobs=2)
    assert caught.value.problems[0].code == "KP720"
    assert caught.value.problems[0].fix == "make it smaller"


def test_with_keep_going_what_does_not_need_the_failure_is_made(cache: Cache) -> None:
    def fail(context: StepContext) -> Mapping[str, Any]:
        raise RuntimeError("boom")

    bad = step("bad", fail)
    told: list[str] = []
    results = execute(
        [step("below", x=bad), step("good")],
        cache,
        jobs=2,
        keep_going=True,
        on_step=lambda result: told.append(result.step.name),
    )
    assert {n: r.status for n, r in results.items()} == {
        "bad": "failed",
        "below": "skipped",
        "good": "made",
    }
    assert results["below"].reason == "bad failed"
    assert sorted(told) == ["bad", "below", "good"]


def test_a_killed_process_is_told_with_its_step_and_the_other_goes_on(cache: Cache) -> None:
    def die(context: StepContext) -> Mapping[str, Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    steps = [step("dies", die), step("one"), step("two")]
    results = execute(steps, cache, jobs=2, keep_going=True)
    assert results["dies"].error is not None
    assert results["dies"].error.problems[0].code == "KP513"
    assert "signal 9" in results["dies"].reason
    assert [results[name].status for name in ("one", "two")] == ["made", "made"]


def test_a_process_that_is_killed_while_it_waits_leaves_its_steps_to_the_other(
    cache: Cache,
) -> None:
    def kill_the_others(context: StepContext) -> Mapping[str, Any]:
        parent = os.getppid()
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        own = Path("/proc/self/cmdline").read_bytes()
        for child in set(map(int, children)) - {os.getpid()}:
            if Path(f"/proc/{child}/cmdline").read_bytes() == own:
                os.kill(child, signal.SIGKILL)
                stat = Path(f"/proc/{child}/stat")
                while stat.read_text().rpartition(")")[2].split()[0] != "Z":
                    time.sleep(0.01)
        return write(context)

    first = step("first", kill_the_others)
    results = execute([first, step("one", x=first), step("two", x=first)], cache, jobs=2)
    assert [results[name].status for name in ("first", "one", "two")] == ["made"] * 3


def test_where_no_process_is_left_the_rest_is_skipped(cache: Cache) -> None:
    def die(context: StepContext) -> Mapping[str, Any]:
        os.kill(os.getpid(), signal.SIGKILL)
        return {}

    steps = [step("a", die), step("b", die), step("c")]
    results = execute(steps, cache, jobs=2, keep_going=True)
    assert results["c"].status == "skipped"
    assert "no worker is left" in results["c"].reason


def test_bars_are_the_workers_with_the_names_of_their_steps(cache: Cache) -> None:
    opened: list[str] = []

    class Listening(Display):
        def progress(self, description: str, total: int | None) -> Any:
            opened.append(description)
            return super().progress(description, total)

    execute(diamond(), cache, jobs=2, display=Listening(enabled=False))
    assert sorted(opened) == sorted(
        f"{name}: write" for name in ("top", "left", "right", "bottom", "alone")
    )


def test_an_accelerator_is_refused(cache: Cache) -> None:
    with pytest.raises(KpError, match="leave out --jobs"):
        execute(diamond(), cache, jobs=2, device="cuda")
