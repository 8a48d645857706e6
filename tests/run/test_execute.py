"""Steps run inputs first, once, and a failure stops what depends on it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from kpframework import digest
from kpframework.api.context import Advance
from kpframework.errors import KpError
from kpframework.run.cache import Cache
from kpframework.run.execute import execute, hash_files, ordered
from kpframework.run.progress import Display
from kpframework.run.step import Step, StepContext
from kpframework.run.step_result import StepResult

from .conftest import MakeStep


def fail(context: StepContext) -> Mapping[str, Any]:
    (context.scratch / "checkpoint").touch()
    raise RuntimeError("boom")


def statuses(results: Mapping[str, StepResult]) -> dict[str, str]:
    return {name: result.status for name, result in results.items()}


def test_inputs_come_first_otherwise_the_given_order_is_kept(make_step: MakeStep) -> None:
    a = make_step("a", "1")
    b = make_step("b", "2", inputs={"x": a})
    c = make_step("c", "3", inputs={"y": b, "x": a})
    d = make_step("d", "4")
    assert [s.name for s in ordered([d, c, b, a])] == ["d", "a", "b", "c"]
    assert [s.name for s in ordered([c, d])] == ["a", "b", "c", "d"]


def test_two_different_steps_of_one_name_are_refused(make_step: MakeStep) -> None:
    with pytest.raises(ValueError, match="two steps are named 'a'"):
        ordered([make_step("a", "1"), make_step("a", "2")])


def test_a_step_gets_the_folders_and_metrics_of_its_inputs(
    cache: Cache, make_step: MakeStep
) -> None:
    seen: dict[str, Any] = {}

    def look(context: StepContext) -> Mapping[str, Any]:
        seen["text"] = (context.inputs["x"] / "out" / "value.txt").read_text()
        seen["metrics"] = context.results["x"]["value"]
        seen["device"] = context.device
        with context.progress("work", 2) as advance:
            advance()
        return {}

    a = make_step("a", "1")
    step = Step("b", "test", {}, look, {"x": a})
    results = execute([step], cache, device="cuda:1")
    assert statuses(results) == {"a": "made", "b": "made"}
    assert (seen["text"], seen["metrics"]) == ("1", "1")
    assert seen["device"] == "cuda:1"


def test_a_second_execution_reuses_every_step_with_equal_results(
    cache: Cache, make_step: MakeStep
) -> None:
    a = make_step("a", "1")
    steps = [make_step("b", "2", inputs={"x": a}), a]
    first = execute(steps, cache)
    told: list[StepResult] = []
    second = execute(steps, cache, on_step=told.append, verify=True)
    assert statuses(second) == {"a": "reused", "b": "reused"}
    assert [r.metrics for r in second.values()] == [r.metrics for r in first.values()]
    assert [r.seconds for r in second.values()] == [r.seconds for r in first.values()]
    assert [r.as_record()["reused"] for r in told] == [True, True]


def test_equal_steps_of_two_names_are_made_once(cache: Cache, make_step: MakeStep) -> None:
    results = execute([make_step("a"), make_step("b")], cache)
    assert statuses(results) == {"a": "made", "b": "reused"}


def test_a_changed_step_remakes_itself_and_its_dependents_alone(
    cache: Cache, make_step: MakeStep
) -> None:
    def plan(value: str) -> list[Step]:
        a, b = make_step("a", "1"), make_step("b", value)
        return [a, b, make_step("c", "3", inputs={"x": a}), make_step("d", "4", inputs={"x": b})]

    execute(plan("2"), cache)
    assert statuses(execute(plan("5"), cache)) == {
        "a": "reused",
        "b": "made",
        "c": "reused",
        "d": "made",
    }


def test_a_failure_stops_with_the_steps_name_and_its_cause(
    cache: Cache, make_step: MakeStep
) -> None:
    bad = make_step("bad", action=fail)
    with pytest.raises(KpError, match="step bad failed: RuntimeError: boom") as caught:
        execute([bad, make_step("a", "1")], cache)
    assert caught.value.code == "KP510"
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert cache.open(make_step("a", "1")) is None


def test_keep_going_skips_dependents_with_the_reason(cache: Cache, make_step: MakeStep) -> None:
    bad = make_step("bad", "0", action=fail)
    b = make_step("b", "2", inputs={"x": bad})
    told: list[str] = []
    results = execute(
        [make_step("c", "3", inputs={"x": b}), make_step("d", "4")],
        cache,
        keep_going=True,
        on_step=lambda result: told.append(result.step.name),
    )
    assert statuses(results) == {"bad": "failed", "b": "skipped", "c": "skipped", "d": "made"}
    assert results["c"].reason == "bad failed"
    assert results["bad"].reason == "RuntimeError: boom"
    assert told == ["bad", "b", "c", "d"]


def test_exit_by_a_plugin_is_a_failure(cache: Cache, make_step: MakeStep) -> None:
    def leave(context: StepContext) -> Mapping[str, Any]:
        raise SystemExit(0)

    with pytest.raises(KpError, match="SystemExit"):
        execute([make_step(action=leave)], cache)


def test_a_known_error_is_passed_on(cache: Cache, make_step: MakeStep) -> None:
    def refuse(context: StepContext) -> Mapping[str, Any]:
        raise KpError("KP999", "no")

    with pytest.raises(KpError) as caught:
        execute([make_step(action=refuse)], cache)
    assert caught.value.code == "KP999"


def test_an_interrupt_passes_and_keeps_the_scratch(cache: Cache, make_step: MakeStep) -> None:
    def interrupt(context: StepContext) -> Mapping[str, Any]:
        (context.scratch / "checkpoint").touch()
        (context.output / "half").touch()
        raise KeyboardInterrupt

    step = make_step(action=interrupt)
    with pytest.raises(KeyboardInterrupt):
        execute([step], cache, keep_going=True)
    left = [p for p in cache.folder(step).parent.iterdir() if not p.name.endswith(".lock")]
    assert [p.name for p in left] == [f".{step.key}.scratch"]
    assert (left[0] / "checkpoint").exists()


def test_a_missing_file_is_told_before_anything_is_executed(
    cache: Cache, make_step: MakeStep, tmp_path: Path
) -> None:
    late = make_step("late", "2", files=(tmp_path / "absent",))
    with pytest.raises(KpError, match="absent"):
        execute([make_step("a", "1"), late], cache)
    assert cache.open(make_step("a", "1")) is None


class _Watched(Display):
    """Notes how far each bar came."""

    def __init__(self) -> None:
        super().__init__(enabled=False)
        self.bars: list[tuple[str, int | None, int]] = []

    @contextmanager
    def progress(self, description: str, total: int | None) -> Iterator[Advance]:
        came = 0

        def advance(steps: int = 1, note: str = "") -> None:
            nonlocal came
            came += steps

        yield advance
        self.bars.append((description, total, came))


def test_the_files_of_steps_are_hashed_once_with_a_bar(
    make_step: MakeStep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "big"
    path.write_bytes(bytes(3_500_000))
    later = time.time_ns() + 10**10
    monkeypatch.setattr(digest.time, "time_ns", lambda: later)
    steps = [make_step("a", files=(path,)), make_step("b", files=(path,))]
    display = _Watched()
    for _ in range(2):
        hash_files(steps, display)
    assert display.bars == [("hashing input files, MB", 3, 3)]
    gone = make_step("c", files=(tmp_path / "gone",))
    hash_files([gone], display)
    with pytest.raises(KpError, match="KP501"):
        _ = gone.key
