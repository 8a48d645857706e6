"""The lines beneath a comparison: what is not the same in its runs, and what was not compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from kpframework.report import notes, numbers
from kpframework.report.grid import host_moved, verdict
from kpframework.report.truncation import truncation_notes
from kpframework.safe import safe_line

if TYPE_CHECKING:
    from kpframework.report.compare_model import Line, Run


def notes_of(
    runs: Sequence[Run], tasks: Sequence[str], lines: Sequence[Line], unpaired: Sequence[str]
) -> list[str]:
    """Return the notes of a comparison, each on one line.

    Args:
        runs: that are compared.
        tasks: whose columns are shown.
        lines: of the table, with their scores.
        unpaired: which rows were not compared in pairs, and why.
    """
    found = [*_runs(runs, tasks), *unpaired, *_unlike(runs, lines), *_marks(lines)]
    for run in runs:
        prefix = f"{run.label}, " if len(runs) > 1 else ""
        own = [*_truncation(run, tasks), *notes.leakage(run.results, tasks), *_failures(run, tasks)]
        found += [f"{prefix}{note}" for note in own]
    return [safe_line(note) for note in dict.fromkeys(found)]


def _runs(runs: Sequence[Run], tasks: Sequence[str]) -> Iterator[str]:
    for run in runs:
        results = run.results
        seeds = ", ".join(map(str, results["seeds"]))
        parts = [f"{'seed' if len(results['seeds']) == 1 else 'seeds'} {seeds}"]
        sizes = [
            f"{task['id']} {numbers.count(task['counts']['test'])}"
            for task in results["tasks"]
            if task["id"] in tasks and "test" in task.get("counts", {})
        ]
        if sizes:
            parts.append(f"test examples: {', '.join(sizes)}")
        if "confidence" in results:
            parts.append(f"{100 * results['confidence']:g} % intervals")
        if "resamples" in results:
            parts.append(f"{numbers.count(results['resamples'])} resamples")
        yield f"{run.label}: {'; '.join(parts)}"


def _unlike(runs: Sequence[Run], lines: Sequence[Line]) -> Iterator[str]:
    versions = [(run, run.results.get("version")) for run in runs]
    if len({version for _, version in versions}) > 1:
        shown = ", ".join(f"{run.label} {version or 'not recorded'}" for run, version in versions)
        yield f"Runs were made by different versions: {shown}."
    for task in dict.fromkeys(task["id"] for run in runs for task in run.results["tasks"]):
        own = [t for run in runs for t in run.results["tasks"] if t["id"] == task]
        kinds = dict.fromkeys(t["type"] for t in own)
        if len(kinds) > 1:
            yield f"{task} is not the same task everywhere: {', '.join(kinds)}."
    yield from _hosts(lines)


def _hosts(lines: Sequence[Line]) -> Iterator[str]:
    """Name hosts that share an id and a task, but not their parameters."""
    prints: dict[tuple[str, str, int], dict[str, set[str]]] = {}
    for line in lines:
        for row in line.rows:
            if row.get("trains_host"):
                continue
            for own in row.get("fingerprint") or ():
                place = line.host, row["task"], own["seed"]
                prints.setdefault(place, {}).setdefault(line.run.label, set()).add(own["before"])
    unlike: dict[tuple[str, str], list[str]] = {}
    for (host, task, _), by_run in prints.items():
        if any(len(by_run) > 1 and own != next(iter(by_run.values())) for own in by_run.values()):
            unlike.setdefault((host, task), list(by_run))
    for (host, task), names in unlike.items():
        where = " and ".join(names)
        yield f"{task}: host {host} has other parameters in {where}; a difference holds both."


def _marks(lines: Iterable[Line]) -> Iterator[str]:
    lines = list(lines)
    differences = [score.difference for line in lines for score in line.scores]
    if any(verdict(difference) in ("gain", "loss") for difference in differences):
        yield "* the interval of the difference excludes 0"
    rows = [row for line in lines for row in line.rows]
    if any(row.get("trains_host") for row in rows):
        yield "Rows marked 'trains the host' are not plug-and-play."
    if any(host_moved(row) for row in rows):
        yield "Rows marked 'HOST CHANGED' left their host with other parameters: a defect."
    measured = [memory for row in rows if (memory := row.get("memory"))]
    kinds = []
    if any(memory["process"] for memory in measured):
        kinds.append("resident in the process (interpreter and libraries included)")
    if any(memory.get("accelerator") for memory in measured):
        kinds.append("allocated on the accelerator by torch")
    if kinds:
        yield f"peak MB: the most, in 10^6 bytes, while training: {', or '.join(kinds)}"


def _truncation(run: Run, tasks: Sequence[str]) -> list[str]:
    own = run.results.copy()
    own["tasks"] = [task for task in own["tasks"] if task["id"] in tasks]
    return truncation_notes(own)


def _failures(run: Run, tasks: Sequence[str]) -> list[str]:
    own = run.results.copy()
    own["rows"] = run.rows(tasks)
    return notes.failures(own)
