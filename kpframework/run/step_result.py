"""What becomes of a step: it is made, reused, fails, or is skipped."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kpframework.errors import KpError
from kpframework.run.cache import Cache, Entry
from kpframework.run.progress import Display
from kpframework.run.step import Step, StepContext
from kpframework.run.surroundings import Made, surroundings


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
    made_in: Made = field(default_factory=dict)
    """The surroundings in which it was made; empty where that is not known."""

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


def skipped(step: Step, done: Mapping[str, StepResult]) -> StepResult | None:
    """Return that a step is skipped, if one of its inputs is not there."""
    for other in step.inputs.values():
        result = done[other.name]
        if not result.ok:
            cause = result.reason if result.status == "skipped" else f"{result.step.name} failed"
            return StepResult(step, "skipped", reason=cause)
    return None


def reused(
    step: Step, cache: Cache, *, verify: bool, notify: Callable[[str], None]
) -> StepResult | None:
    """Return a step that is in the cache, or None; see `Cache.open`."""
    entry = cache.open(step, verify=verify, notify=notify)
    if entry is None:
        return None
    return finished(step, "reused", entry)


def finished(step: Step, status: Literal["made", "reused"], entry: Entry) -> StepResult:
    """Return a step that is there."""
    own = entry.manifest
    return StepResult(step, status, entry.folder, own.metrics, own.seconds, made_in=own.made_in)


def run_step(
    step: Step,
    cache: Cache,
    done: Mapping[str, StepResult],
    device: str,
    display: Display,
    verify: bool,
) -> StepResult:
    """Make a step, or reuse it, or tell why it is not there.

    Args:
        step: what to make.
        cache: where finished steps lie.
        done: results of its inputs by name.
        device: given to the action.
        display: shows progress.
        verify: compare what is there by sha256 before it is reused.
    """
    needless = skipped(step, done)
    if needless is not None:
        return needless
    needed = {name: done[other.name] for name, other in step.inputs.items()}

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
        entry = cache.build(
            step,
            fill,
            made_in=lambda: surroundings(step, device),
            verify=verify,
            notify=display.say,
        )
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
        return finished(step, "reused" if entry.reused else "made", entry)
    return StepResult(
        step,
        "failed",
        seconds=time.perf_counter() - began,
        reason=reason,
        error=failure,
    )
