"""Executes steps: in a stable order, reusing what is finished."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from kpframework.digest import digest_store
from kpframework.run.cache import Cache
from kpframework.run.progress import Display
from kpframework.run.step import Step
from kpframework.run.step_result import StepResult, run_step

_MB = 1_000_000


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


def hash_files(steps: Iterable[Step], display: Display) -> None:
    """Hash the files that steps read, with a bar; what asks for their keys later need not wait.

    Raises:
        KpError: ``KP501``, a file is missing or cannot be read.
    """
    store = digest_store()
    left = (step for step in steps if "file_digests" not in vars(step))
    files = dict.fromkeys(path for step in left for path in step.files)
    sizes = {path: size for path in files if (size := store.unread(path))}
    if not sizes:
        return
    with display.progress("hashing input files, MB", sum(sizes.values()) // _MB) as advance:
        read = 0

        def count(size: int) -> None:
            nonlocal read
            read += size
            if read >= _MB:
                advance(read // _MB)
                read %= _MB

        for path in sizes:
            store.digest(path, count)


def execute(
    steps: Sequence[Step],
    cache: Cache,
    *,
    device: str = "cpu",
    display: Display | None = None,
    on_step: Callable[[StepResult], None] = lambda result: None,
    keep_going: bool = False,
    verify: bool = False,
    jobs: int = 1,
) -> dict[str, StepResult]:
    """Execute steps; a step whose key is in the cache is reused.

    Args:
        steps: in any order; inputs that are not among them are executed too.
        cache: where finished steps lie.
        device: given to the actions.
        display: shows progress; None shows none.
        on_step: called after each step, failed and skipped ones included.
        keep_going: after a failure, go on with what does not depend on it.
        verify: compare reused folders by sha256, not by size alone.
        jobs: how many are made at once, each by a process; 1 makes one after the other, here.

    Returns:
        A result for each step by name, inputs first.

    Raises:
        KpError: a step failed, unless ``keep_going``; one that is no `KpError` becomes ``KP510``.
            ``KP501``, a file that a step reads is missing: before anything is executed. KP512,
            KP513: see `kpframework.run.side_by_side`.
    """
    display = display or Display(enabled=False)
    order = ordered(steps)
    results: dict[str, StepResult] = {}
    hash_files(order, display)
    for step in order:
        _ = step.key  # a missing file is told before hours of work, not after
    cache.sweep()
    if jobs > 1:
        from kpframework.run.side_by_side import Workers

        workers = Workers(order, cache, jobs, device, verify)
        with display.running(len(order)):
            return workers.execute(display, on_step, keep_going)
    with display.running(len(order)):
        for step in order:
            with display.step(step.name):
                result = run_step(step, cache, results, device, display, verify)
            results[step.name] = result
            display.finished(result.step.name, result.status, result.seconds, result.reason)
            on_step(result)
            if result.error is not None and not keep_going:
                raise result.error
    return results
