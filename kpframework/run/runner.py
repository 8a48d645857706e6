"""Running a spec: the plan is executed, results are assembled and everything is written down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from kpframework.digest import canonical_json
from kpframework.errors import KpError
from kpframework.run.cache import Cache
from kpframework.run.execute import execute, hash_files
from kpframework.run.export import export_hosts, export_plugins
from kpframework.run.lock import check_lock, make_lock
from kpframework.run.plan import Plan, make_plan
from kpframework.run.progress import Display
from kpframework.run.record import environment, write_atomic, write_json_atomic
from kpframework.run.resamples import write_resamples
from kpframework.run.results import Results
from kpframework.run.side_by_side import share_of_cores, what_hinders
from kpframework.run.step_result import StepResult
from kpframework.run.surroundings import made_elsewhere
from kpframework.run.tracking import Trackers
from kpframework.spec.resolved import ResolvedSpec


def run_spec(
    resolved: ResolvedSpec,
    folder: Path,
    cache: Cache,
    display: Display,
    *,
    lock: Mapping[str, Any] | None = None,
    jobs: int = 1,
    verify: bool = False,
    warn: Callable[[str], None] = lambda text: None,
    page: Callable[[Mapping[str, Any], Path], Any] = lambda results, folder: None,
) -> dict[str, Any]:
    """Execute a spec and write its run folder; return the content of ``results.json``.

    The folder receives ``results.json``, ``results.jsonl`` (one line an example), ``metrics.json``
    (the deterministic part), ``resamples.safetensors`` (what pairs rows with those of other runs),
    ``kp.lock``, ``spec.json`` (every default written out), ``hosts/`` (the frozen models) and
    ``plugins/`` (one artifact a trained row).

    With several ``jobs`` independent steps are made at once, each by a process with its share of
    the cores, unless the spec names a number of threads; where that cannot be, as with a GPU, one
    after another, with a warning. ``verify`` compares what is reused by sha256. ``page`` writes
    what is read by people, of the results and the folder, before trackers are told that the run is
    done.

    Raises:
        KpError: a step failed (unless the spec says ``keep_going``), or the lock does not hold;
            KP503, the folder cannot be written, which is tried before anything is executed.
    """
    plan = make_plan(resolved)
    hash_files(plan.steps, display)
    if lock is not None:
        check_lock(lock, make_lock(resolved, plan.steps))
    registry, spec = resolved.registry, resolved.spec
    # Before a tracker hears of a run that it would not hear the end of.
    check_writable(folder)
    device = chosen_device(spec.run.device)
    trackers = Trackers(resolved.trackers, warn)
    filled, planned = resolved.filled(), summary(plan, cache)
    _call(registry, warn, "kp_before_run", spec=filled, plan=planned)
    trackers.call("run_started", filled, {**planned, "folder": str(folder.resolve())})

    def on_step(result: StepResult) -> None:
        record = result.as_record()
        _call(registry, warn, "kp_after_step", step=record)
        trackers.call("step_done", record)

    if jobs > 1 and (obstacle := what_hinders(device)):
        warn(f"{obstacle}: they are made one after another")
        jobs = 1
    prepare_torch(spec.run.threads or (share_of_cores(jobs) if jobs > 1 else None))
    with trackers.watching():
        done = execute(
            plan.steps,
            cache,
            device=device,
            display=display,
            on_step=on_step,
            keep_going=spec.run.keep_going,
            jobs=jobs,
            verify=verify,
        )
        try:
            results = _write_down(plan, done, folder, device, warn)
            page(results, folder)
        except OSError as error:
            raise _unwritable(folder, error) from error
    _call(registry, warn, "kp_after_run", results=results)
    trackers.call("run_done", results, folder)
    return results


def check_writable(folder: Path) -> None:
    """Write into a run's folder, or into the one that it will be made in; leave nothing there.

    Raises:
        KpError: KP503, that cannot be.
    """
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    try:
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise _unwritable(folder, error) from error


def _unwritable(folder: Path, error: OSError) -> KpError:
    return KpError(
        "KP503",
        f"the run's folder cannot be written: {error.strerror or error}",
        "give another with -o, or free some space; finished steps are kept",
        str(error.filename or folder),
    )


def _write_down(
    plan: Plan,
    done: Mapping[str, StepResult],
    folder: Path,
    device: str,
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """Write the run folder and return the content of ``results.json``."""
    resolved = plan.resolved
    assembled = Results(plan, done)
    results = assembled.build()
    surroundings = environment(resolved.components(), device)
    results["environment"] = {**surroundings, "precision": resolved.spec.run.precision}
    results["made_elsewhere"] = made_elsewhere(done.values(), device)
    there = {name: result for name, result in done.items() if result.ok}
    facts = {name: result.metrics for name, result in there.items()}
    made = {name: result.made_in for name, result in there.items()}
    results["lock"] = make_lock(resolved, plan.steps, facts, made)
    results["hosts"] = export_hosts(plan, done, folder / "hosts")
    results["plugins"] = export_plugins(plan, done, folder / "plugins", results)
    for plugin, sections in _call(resolved.registry, warn, "kp_report_sections", results=results):
        try:
            results["sections"] += [_section(plugin, section) for section in sections]
        except (TypeError, ValueError) as error:
            warn(f"plugin {plugin}: what kp_report_sections returned is left out: {error}")
    write_json_atomic(folder / "spec.json", resolved.filled())
    write_json_atomic(folder / "kp.lock", results["lock"])
    write_json_atomic(folder / "metrics.json", deterministic(results))
    lines = (json.dumps(line, ensure_ascii=False) for line in assembled.per_example())
    write_atomic(folder / "results.jsonl", "".join(f"{line}\n" for line in lines).encode())
    write_resamples(folder, assembled.resamples())
    write_json_atomic(folder / "results.json", results)
    return results


def _section(plugin: str, section: Any) -> dict[str, Any]:
    """Return a plugin's section as JSON.

    Raises:
        TypeError, ValueError: it is no section, or holds what is no JSON.
    """
    if not isinstance(section, Mapping) or not isinstance(section.get("title"), str):
        raise TypeError("a section is a mapping with a title")
    if not all(isinstance(row, list | tuple) for row in section.get("rows") or ()):
        raise TypeError("the rows of a section are lists")
    return {**json.loads(canonical_json(section)), "plugin": plugin}


def summary(plan: Plan, cache: Cache) -> dict[str, Any]:
    """Return what would run and what is there already, as JSON."""
    steps = []
    for step in plan.steps:
        entry = cache.open(step)
        steps.append(
            {
                "name": step.name,
                "kind": step.kind,
                "key": step.key,
                "cached": entry is not None,
                "seconds": None if entry is None else entry.manifest.seconds,
                "inputs": sorted(other.name for other in step.inputs.values()),
            }
        )
    return {"name": plan.resolved.spec.name, "steps": steps, "cells": len(plan.cells)}


def deterministic(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of the results that an equal run repeats to the last bit."""
    volatile = {"seconds", "ms_per_example", "memory"}
    rows = [{k: v for k, v in row.items() if k not in volatile} for row in results["rows"]]
    return {"name": results["name"], "seeds": results["seeds"], "rows": rows}


def chosen_device(device: str) -> str:
    """Return the device, or the one that ``auto`` stands for.

    Raises:
        KpError: KP514, it is not there.
    """
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    # Each backend has an exception of its own for what it lacks.
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise KpError(
            "KP514",
            f"the device {device!r} cannot be used here: {reason}",
            "--set run.device=auto takes a GPU where there is one, and the CPU elsewhere",
        ) from error
    return device


def prepare_torch(threads: int | None) -> None:
    """Set threads and deterministic kernels."""
    import torch

    if threads is not None:
        torch.set_num_threads(threads)
    # Not use_deterministic_algorithms, which imports torch's compiler: a second for nothing.
    torch.set_deterministic_debug_mode("warn")
    # Writing NaN over every new tensor finds bugs and costs a share of every step.
    setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010


def _call(
    registry: Any, warn: Callable[[str], None], hook: str, **arguments: Any
) -> list[tuple[str, Any]]:
    """Call a life-cycle hook; a plugin that raises is reported and does not stop the run."""
    returned = []
    for plugin, value in registry.call(hook, **arguments):
        if isinstance(value, BaseException):
            warn(f"plugin {plugin}: {hook} raised {type(value).__name__}: {value}")
        else:
            returned.append((plugin, value))
    return returned
