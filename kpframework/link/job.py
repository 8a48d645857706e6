"""Linking a corpus from its inputs to one file: cut, link what is missing, join, tell."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import kpframework
from kpframework import owner
from kpframework.api.executor import Executor, Work, worker_failed
from kpframework.digest import json_digest
from kpframework.errors import KpError, Problem, SpecError
from kpframework.kb.store import open_store
from kpframework.link import inputs
from kpframework.link.coverage import coverage
from kpframework.link.output import Format, Record, join, read_records, size_and_digest
from kpframework.link.shards import Plan, cut
from kpframework.link.source import LinkSource
from kpframework.link.texts import Reading
from kpframework.link.worker import REPORT, finished, link_work
from kpframework.locking import exclusive
from kpframework.run.progress import Display
from kpframework.run.record import write_json_atomic
from kpframework.writing import replacing

FORMAT = 1
"""Of the records and of the report beside an output."""
SHARD_BYTES = 4 * 2**20
Look = Callable[[Iterable[Record]], Mapping[str, Any]]


@dataclass(frozen=True)
class LinkJob:
    """What is to be linked, and how it is written down."""

    source: LinkSource
    inputs: Sequence[str]
    output: Path | None
    """None keeps no records; `link_corpus` has them looked at all the same."""
    format: Format = "jsonl"
    input_format: str | None = None
    documents: bool = False
    """Whether JSON lines are read as gold mentions are: see `inputs.sources`."""
    reading: Reading = field(default_factory=Reading)
    text: bool = True
    shard_bytes: int = SHARD_BYTES
    on_error: Literal["stop", "skip"] = "stop"
    overwrite: bool = False
    top: int = 20

    def identity(self) -> dict[str, Any]:
        """Return what the output of a shard depends on, beside its lines."""
        return {
            "format": FORMAT,
            "kpframework": kpframework.__version__,
            "source": self.source.identity(),
            "reading": vars(self.reading),
            "records": [self.format, self.text],
        }


def link_corpus(
    job: LinkJob, executor: Executor | None, display: Display, look: Look | None = None
) -> dict[str, Any]:
    """Link the inputs into one file; shards that were linked before are not linked again.

    Beside ``OUTPUT`` stands ``OUTPUT.report.json`` when it is done, ``OUTPUT.shards`` while it is
    not. The output's bytes depend on the inputs, the linker, the knowledge base and the options of
    the job, not on who links or how often it was interrupted.

    Args:
        job: what to link.
        executor: links the shards where more than one is missing; None, and a single one, are
            left to this process.
        display: shows progress.
        look: given the records before they are joined; what it returns is part of the result.

    Returns:
        ``coverage``, what `look` returned (as ``found``), the ``output``, its ``bytes`` and
        ``sha256``, the numbers of ``shards`` in all and ``linked`` now, annotations of the inputs
        that were left out (``misplaced``), and the ``seconds``.

    Raises:
        SpecError: KP830, an input is missing; KP832, the output is a file of somebody else's.
        KpError: KP831 to KP837, an input or a line of one cannot be used; KP840 to KP842, from the
            executor; KP503, the output cannot be written.
    """
    with ExitStack() as stack:
        if job.output is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kp-link-")))
        else:
            folder = job.output.with_name(f"{job.output.name}.shards").absolute()
            _claim(job, folder)
            lock = folder.with_name(f".{job.output.name}.lock")
            waiting = f"another process links into {job.output}"
            stack.enter_context(exclusive(lock, lambda: display.say(waiting)))
        return _Run(job, folder, display).result(executor, look)


def report_path(output: Path) -> Path:
    """Return where the report of an output stands."""
    return output.with_name(f"{output.name}.report.json")


def _claim(job: LinkJob, folder: Path) -> None:
    """Refuse to replace what this command did not write."""
    output = job.output
    assert output is not None
    for name in job.inputs:
        given = Path(name)
        if name != inputs.STDIN and given.exists() and output.exists() and output.samefile(given):
            raise SpecError("KP832", f"{output} is an input as well", "give another -o")
    if output.is_dir():
        raise SpecError("KP832", f"{output} is a folder", "give -o the name of a file")
    if output.exists() and not job.overwrite and _written(output) is None:
        raise SpecError(
            "KP832",
            f"{output} exists, and was not written by this command as it stands",
            "give another -o, or replace it with --overwrite",
        )
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise KpError("KP503", f"cannot write beside {output}: {error.strerror}") from error


def _written(output: Path) -> dict[str, Any] | None:
    """Return the report of an output that is as it was written."""
    try:
        report: dict[str, Any] = json.loads(report_path(output).read_text("utf-8"))
        own = report["bytes"], report["sha256"]
        return report if size_and_digest(output) == own else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


class _Run:
    def __init__(self, job: LinkJob, folder: Path, display: Display) -> None:
        self.job = job
        self.folder = folder
        self.display = display
        self.began = time.perf_counter()
        _sweep(folder)

    def result(self, executor: Executor | None, look: Look | None) -> dict[str, Any]:
        job = self.job
        found = inputs.sources(
            job.inputs,
            job.input_format,
            self.folder / "inputs",
            documents=job.documents,
            skip=job.on_error == "skip",
        )
        plan = cut(found, job.shard_bytes, job.identity())
        suffix = job.output.suffix if job.output else ""
        key = json_digest([[shard["key"] for shard in plan.shards], suffix, job.top])
        parts = [self.folder / shard["key"] / f"records.{job.format}" for shard in plan.shards]
        before = _written(job.output) if job.output else None
        if before is not None and before["key"] == key and job.output:
            self._stop_at_problems(before["coverage"]["problems"], before["coverage"]["bad_lines"])
            before["linked"] = 0
            parts = [job.output]
        else:
            before = None
            linked = self._link(plan, executor)
        looked = dict(look(self._records(parts))) if look else None
        if before is not None:
            report = before
        else:
            reports = (_report(self.folder / shard["key"]) for shard in plan.shards)
            counted = coverage(reports, open_store(job.source.kb), job.top)
            report = {"key": key, "coverage": counted, "shards": len(plan.shards)}
            report |= self._joined(parts, report) | {"linked": linked}
        if job.output:
            shutil.rmtree(self.folder, ignore_errors=True)
        seconds = time.perf_counter() - self.began
        misplaced = sum(source.misplaced for source in found)
        return {**report, "misplaced": misplaced, "found": looked, "seconds": seconds}

    def _link(self, plan: Plan, executor: Executor | None) -> int:
        """Link the shards that are missing; return how many."""
        job, missing = self.job, []
        for number, shard in enumerate(plan.shards):
            report = finished(self.folder / shard["key"])
            if report is None:
                missing.append(number)
            else:
                self._stop_at_problems(report["problems"], report["bad"])
        source = job.source
        work = link_work(
            source.linker.filled(),
            source.kb,
            self.folder,
            device=source.device,
            reading=job.reading,
            format=job.format,
            text=job.text,
        )
        total, there = len(plan.shards), len(plan.shards) - len(missing)
        self.display.say(f"{total} shards, {there} of them linked before")
        with (
            self.display.running(len(missing)),
            self.display.progress("lines", sum(plan.lines)) as advance,
        ):
            advance(sum(plan.lines) - sum(plan.lines[number] for number in missing))
            shards = [plan.shards[number] for number in missing]
            far = executor if len(shards) > 1 else None
            outcomes = far.map(work, shards) if far else _here(work, shards)
            with closing(outcomes):  # type: ignore[type-var]
                for index, _ in outcomes:
                    report = _report(self.folder / shards[index]["key"])
                    self._stop_at_problems(report["problems"], report["bad"])
                    with self.display.step(f"shard {missing[index] + 1}"):
                        advance(plan.lines[missing[index]])
        return len(missing)

    def _stop_at_problems(self, problems: Sequence[Any], count: int) -> None:
        if not count or self.job.on_error == "skip":
            return
        places = [p if isinstance(p, dict) else dict(zip(("where", "message"), p, strict=True))
                  for p in problems]  # fmt: skip
        fix = "correct the line, or leave such lines out with --on-error skip"
        found = [Problem("KP835", p["message"], fix, p["where"]) for p in places]
        if count > len(found):
            rest = f"and {count - len(found):,} more lines in this part of the input"
            found.append(Problem("KP835", rest, fix))
        raise KpError.of(found)

    def _records(self, parts: Iterable[Path]) -> Iterator[Record]:
        for part in parts:
            yield from read_records(part, self.job.format)

    def _joined(self, parts: Sequence[Path], report: Mapping[str, Any]) -> dict[str, Any]:
        """Join the shards into the output, and write the report beside it."""
        output = self.job.output
        if output is None:
            return {"output": None}
        zipped = output.suffix == ".gz"
        try:
            with replacing(output, durable=True) as aside:
                join(parts, aside, self.job.format, text=self.job.text, zipped=zipped)
                size, sha256 = size_and_digest(aside)
        except OSError as error:
            reason = error.strerror or str(error)
            raise KpError(
                "KP503",
                f"cannot write {output}: {reason}",
                "free some space; what is linked is kept beside it",
            ) from error
        written = {"output": str(output), "bytes": size, "sha256": sha256}
        write_json_atomic(report_path(output), {**report, **written})
        return written


def _here(work: Work, shards: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Any]]:
    """Link shards in this process; what a plugin raises is told as a worker would."""
    opened = cache(work.open)
    for index, shard in enumerate(shards):
        try:
            outcome = opened()(shard)
        except KpError:
            raise
        except Exception as error:
            raise worker_failed(error) from error
        yield index, outcome


def _report(folder: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads((folder / REPORT).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise KpError(
            "KP842",
            f"a worker says that it has linked {folder.name}, but its report is not here: {error}",
            "the output has to lie on a disk that all workers share",
        ) from error
    return report


def _sweep(folder: Path) -> None:
    """Remove what dead workers left behind."""
    for path in folder.glob(".*"):
        if not owner.is_alive(path.name.split(".", 2)[-1], path):
            shutil.rmtree(path, ignore_errors=True)
