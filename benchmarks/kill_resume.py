"""Kill a run at random moments, let it resume, and compare its bytes with an uninterrupted run's.

    python benchmarks/kill_resume.py examples/quickstart.json --times 10

Both runs get a cache of their own under a temporary folder. Every kill is SIGKILL to a process that
runs the spec from the command line; the moments are drawn from ``--seed`` and spread over the
uninterrupted run's duration. ``--checkpoint-seconds 0`` has trainings write a checkpoint at every
step, so that kills fall between and into them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

COMPARED = ("metrics.json", "results.jsonl", "plugins/*/kp_model.safetensors")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """What the comparison found."""

    kills: int
    """How many of the processes were still at work when they were killed."""
    files: list[str]
    """What was compared, relative to the run's folder."""
    different: list[str]
    """Of those, what was missing on one side or not equal to the last bit."""
    whole_seconds: float
    """What the uninterrupted run took."""
    resumed: int
    """How many trainings went on from a checkpoint."""


def run_command(spec: str, output: str, home: str, checkpoint_seconds: float | None) -> None:
    """Run a spec in this process, which is the child that will be killed."""
    folder = Path(home)
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["KPFRAMEWORK_CACHE"] = str(folder / "cache")
    os.environ["KPFRAMEWORK_CONFIG"] = str(folder / "config")
    log = os.open(folder / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    watch_trainings(folder / "resumed.txt", checkpoint_seconds)
    from kpframework.cli.root import run

    sys.exit(run(["run", spec, "--output", output]))


def watch_trainings(log: Path, checkpoint_seconds: float | None) -> None:
    """Note every training that goes on from a checkpoint, and set how often they are written."""
    from kpframework.train.checkpoint import Checkpoint

    made, restore = Checkpoint.__init__, Checkpoint.restore

    def init(self: Any, module: Any, folder: Path, every: float = 20.0) -> None:
        made(self, module, folder, every if checkpoint_seconds is None else checkpoint_seconds)

    def noted(self: Any, optimizer: Any, history: Any, device: Any) -> None:
        restore(self, optimizer, history, device)
        if history.steps:
            with log.open("a", encoding="utf-8") as file:
                file.write(f"from step {history.steps}\n")

    Checkpoint.__init__ = init  # type: ignore[method-assign]
    Checkpoint.restore = noted  # type: ignore[method-assign]


def start(context: Any, spec: Path, folder: Path, checkpoint_seconds: float | None) -> Any:
    """Start a run of the spec in a new process."""
    arguments = (str(spec), str(folder / "run"), str(folder / "home"), checkpoint_seconds)
    process = context.Process(target=run_command, args=arguments)
    process.start()
    return process


def finish(process: Any, folder: Path) -> None:
    """Wait for a run's end; its output is shown if it failed."""
    process.join()
    if process.exitcode:
        output = (folder / "home" / "output.txt").read_text("utf-8", errors="replace")
        raise SystemExit(f"the run ended with {process.exitcode}:\n{output[-4000:]}")


def kill_and_resume(
    spec: Path,
    folder: Path,
    times: int,
    seed: int,
    checkpoint_seconds: float | None = None,
    context: Any = None,
    say: Say = print,
) -> Outcome:
    """Run a spec once in peace and once with kills; compare what both leave.

    Args:
        spec: any spec.
        folder: gets ``whole/`` and ``killed/``.
        times: how often the second run is killed; where it ends first, it starts from nothing.
        seed: of the moments.
        checkpoint_seconds: between checkpoints of a training; None leaves it as it is.
        context: how processes start; None starts each anew.
        say: told of every kill.
    """
    context = context or multiprocessing.get_context("spawn")
    began = time.monotonic()
    finish(start(context, spec, folder / "whole", checkpoint_seconds), folder / "whole")
    whole = time.monotonic() - began
    work = work_seconds(folder / "whole" / "run")
    say(f"uninterrupted: {whole:.1f} s, of which steps {work:.1f} s")
    kills = 0
    for moment in islice(moments(whole, work, times, seed), 10 * times):
        process = start(context, spec, folder / "killed", checkpoint_seconds)
        process.join(moment)
        alive = process.is_alive()
        process.kill()
        process.join()
        kills += alive
        say(f"kill {kills}: after {moment:.2f} s, {state(folder / 'killed', alive)}")
        if kills == times:
            break
        if not alive:
            shutil.rmtree(folder / "killed")  # it was faster: the kills to come need work to hit
    finish(start(context, spec, folder / "killed", checkpoint_seconds), folder / "killed")
    files, different = compare(folder / "whole" / "run", folder / "killed" / "run")
    log = folder / "killed" / "home" / "resumed.txt"
    resumed = len(log.read_text("utf-8").splitlines()) if log.exists() else 0
    return Outcome(kills, files, different, whole, resumed)


def moments(whole: float, work: float, times: int, seed: int) -> Iterator[float]:
    """Yield without end after how many seconds each process is killed.

    Args:
        whole: what the uninterrupted run took.
        work: what its steps took of that; the rest is start-up and report.
        times: how many are wanted.
        seed: of the draw.
    """
    generator = random.Random(seed)  # noqa: S311  moments, no secrets
    # Each process starts anew and works on from the last: as many as are wanted together work
    # somewhat less than once.
    while True:
        startup = generator.uniform(0.5, 1.0) * (whole - work)
        yield startup + generator.uniform(0.0, 1.6) * work / times


def work_seconds(run: Path) -> float:
    """Return what a run's steps took."""
    results = json.loads((run / "results.json").read_text("utf-8"))
    return float(sum(step["seconds"] for step in results["timing"]))


def state(folder: Path, alive: bool) -> str:
    """Say how far a killed run had come."""
    if not alive:
        return "it was finished"
    done = len(list((folder / "home" / "cache").glob("*/??/*/manifest.json")))
    left = len(list((folder / "home" / "cache").glob("*/??/.*.tmp.*")))
    return f"{done} steps finished, {left} in the making"


def compare(whole: Path, killed: Path) -> tuple[list[str], list[str]]:
    """Return the files of both runs, and those that are not equal to the last bit."""
    names = {
        str(path.relative_to(root))
        for root in (whole, killed)
        for pattern in COMPARED
        for path in root.glob(pattern)
    }
    different = [
        name
        for name in sorted(names)
        if not (whole / name).is_file()
        or not (killed / name).is_file()
        or (whole / name).read_bytes() != (killed / name).read_bytes()
    ]
    return sorted(names), different


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare from the command line; 0 if every byte is equal."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("spec", type=Path)
    parser.add_argument("--times", type=int, default=10, help="how often it is killed")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument(
        "--checkpoint-seconds", type=float, help="between checkpoints; without it the default"
    )
    parser.add_argument("--keep", type=Path, help="folder for both runs; temporary without it")
    options = parser.parse_args(arguments)
    folder = options.keep or Path(tempfile.mkdtemp(prefix="kill-resume-"))
    try:
        outcome = kill_and_resume(
            options.spec.absolute(),
            folder.absolute(),
            options.times,
            options.seed,
            options.checkpoint_seconds,
            say=lambda text: print(text, flush=True),
        )
    finally:
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{outcome.kills} kills, {outcome.resumed} trainings went on from a checkpoint")
    for name in outcome.files:
        print(f"{'DIFFERS' if name in outcome.different else 'equal':<8} {name}")
    print(f"{len(outcome.files)} files, {len(outcome.different)} of them differ")
    return 1 if outcome.different or not outcome.files else 0


if __name__ == "__main__":
    raise SystemExit(main())
