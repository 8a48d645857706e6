"""Executes steps: in a stable order, reusing what is finished."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kpframework.errors import KpError
from kpframework.run.cache import Cache
from kpframework.run.progress import Display
from kpframework.run.step import Step, StepContext


@dataclass(frozen=True)
class StepResult:
    """What became of a step."""

    step: Step
    status: Literal["made", "reused", "failed", "skipped"]
    folder: Path | None = None
    """None if it failed or was skipped."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    """What it took when it was made."""
    reason: str = ""
    """Why it failed or was skipped."""
    error: KpError | None = None

    @property
    def ok(self) -> bool:
        """Whether its folder is there."""
        return self.folder is not None

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON, for the record and the hooks."""
        return {
            "name": self.step.name,
            "kind": self.step.kind,
            "key": self.step.key,
            "status": self.status,
            "reused": self.status == "reused",
            "seconds": self.seconds,
            "metrics": dict(self.metrics),
            "reason": self.reason,
        }


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Return the steps and all they need, inputs first, otherwise in the given order.

    Raises:
        ValueError: two different steps have one name, or a step needs itself.
    """
    found: dict[str, Step] = {}
    open_names: list[str] = []

    def visit(step: Step) -> None:
        if step.name in open_names:
            raise ValueError(f"step {step.name!r} needs itself")
        known = found.get(step.name)
        if known is not None:
            if known is not step and known.key != step.key:
                raise ValueError(f"two steps are named {step.name!r}")
            return
        open_names.append(step.name)
        for needed in step.inputs.values():
            visit(needed)
        open_names.pop()
        found[step.name] = step

    for step in steps:
        visit(step)
    return list(found.values())


def execute(
    steps: Sequence[Step],
    cache: Cache,
    *,
    device: str = "cpu",
    display: Display | None = None,
    on_step: Callable[[StepResult], None] = lambda result: None,
    keep_going: bool = False,
    verify: bool = False,
) -> dict[str, StepResult]:
    """Execute steps one after the other; a step whose key is in the cache is reused.

    Args:
        steps: in any order; inputs that are not among them are executed too.
        cache: where finished steps lie.
        device: given to the actions.
        display: shows progress; None shows none.
        on_step: called after each step, failed and skipped ones included.
        keep_going: after a failure, go on with what does not depend on it.
        verify: compare reused folders by sha256, not by size alone.

    Returns:
        A result for each step by name, in the order of execution.

    Raises:
        KpError: a step failed, unless ``keep_going``; one that is no `KpError` becomes ``KP510``.
            ``KP501``, a file that a step reads is missing: before anything is executed.
    """
    display = display or Display(enabled=False)
    order = ordered(steps)
    results: dict[str, StepResult] = {}
    for step in order:
        _ = step.key  # a missing file is told before hours of work, not after
    cache.sweep()
    with display.running(len(order)):
        for step in order:
            with display.step(step.name):
                result = _run(step, cache, results, device, display, verify)
            results[step.name] = result
            display.finished(result.step.name, result.status, result.seconds, result.reason)
            on_step(result)
            if result.error is not None and not keep_going:
                raise result.error
    return results


def _run(
    step: Step,
    cache: Cache,
    done: Mapping[str, StepResult],
    device: str,
    display: Display,
    verify: bool,
) -> StepResult:
    needed = {name: done[other.name] for name, other in step.inputs.items()}
    for result in needed.values():
        if not result.ok:
            cause = result.reason if result.status == "skipped" else f"{result.step.name} failed"
            return StepResult(step, "skipped", reason=cause)

    def fill(output: Path, scratch: Path) -> Mapping[str, Any]:
        return step.action(
            StepContext(
                params=step.params,
                output=output,
                scratch=scratch,
                inputs={name: r.folder for name, r in needed.items() if r.folder is not None},
                results={name: r.metrics for name, r in needed.items()},
                progress=display.progress,
                device=device,
            )
        )

    began = time.perf_counter()
    try:
        entry = cache.build(step, fill, verify=verify, notify=display.say)
    except KpError as error:
        failure, reason = error, error.problems[0].message
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}"
        failure = KpError(
            "KP510",
            f"step {step.name} failed: {reason}",
            "the same command resumes where it stopped",
        )
        failure.__cause__ = error
    else:
        return StepResult(
            step,
            "reused" if entry.reused else "made",
            entry.folder,
            entry.manifest.metrics,
            entry.manifest.seconds,
        )
    return StepResult(
        step,
        "failed",
        seconds=time.perf_counter() - began,
        reason=reason,
        error=failure,
    )
