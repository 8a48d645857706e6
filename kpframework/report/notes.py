"""The lines beneath a table: what its numbers are, and what went wrong."""

from __future__ import annotations

from collections.abc import Collection

from kpframework.report import numbers
from kpframework.report.grid import host_moved, verdict
from kpframework.report.model import Excluded, KnowledgeInfo, Leaks, Results, Row, primary_metric
from kpframework.report.provenance import made_elsewhere
from kpframework.report.truncation import truncation_notes
from kpframework.safe import safe_line

_REASON_LIMIT = 300
_UNCONTROLLED = "no leakage control: triples are used as they are"


def footnotes(results: Results) -> list[str]:
    """Return the lines that a reader needs to read the table."""
    lines = [_protocol(results)]
    metric_of = {task["id"]: primary_metric(task) for task in results["tasks"]}
    rows = results["rows"]
    if any(_clear(row, metric_of.get(row["task"], "")) for row in rows):
        lines.append("* the interval of the difference excludes 0")
    if any(row.get("trains_host") for row in rows):
        lines.append("Rows marked 'trains the host' are not plug-and-play.")
    if any(host_moved(row) for row in rows):
        lines.append("Rows marked 'HOST CHANGED' left their host with other parameters: a defect.")
    lines += left_out(results)
    lines += truncation_notes(results)
    lines += leakage(results)
    lines += made_elsewhere(results)
    lines += failures(results)
    return lines


def _clear(row: Row, metric: str) -> bool:
    changes = [row.get("difference"), *(s.get("difference") for s in row.get("subsets") or ())]
    return any(c and verdict(c["metrics"].get(metric)) in ("gain", "loss") for c in changes)


def _protocol(results: Results) -> str:
    seeds = results["seeds"]
    parts = [f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"]
    sizes = [
        f"{safe_line(task['id'])} {numbers.count(task['counts']['test'])}"
        for task in results["tasks"]
        if "test" in task.get("counts", {})
    ]
    if sizes:
        parts.append(f"test examples: {', '.join(sizes)}")
    baselines = {d["baseline"] for row in results["rows"] if (d := row.get("difference"))}
    if baselines:
        named = ", ".join(sorted(map(safe_line, baselines)))
        parts.append(f"differences in points against {named}")
    if "confidence" in results:
        interval = f"{100 * results['confidence']:g} % intervals"
        if "resamples" in results:
            interval += f" (paired bootstrap, {numbers.count(results['resamples'])} resamples)"
        parts.append(interval)
    return "; ".join(parts)


def left_out(results: Results) -> list[str]:
    """Return one line for each task that says of its test split what it counted, by its names."""
    lines = []
    for task in results["tasks"]:
        counts = task.get("counts", {})
        named = [
            f"{safe_line(name)} {numbers.count(counts[name])}"
            for name in sorted(counts)
            if name.startswith("test, ")
        ]
        if named:
            lines.append(f"{safe_line(task['id'])}: {'; '.join(named)}")
    return lines


def leakage(results: Results, tasks: Collection[str] | None = None) -> list[str]:
    """Return one line for each knowledge base: what was left out of it, and what it still tells.

    Args:
        results: of a run.
        tasks: whose test instances are spoken of; None speaks of all.
    """
    return [
        f"{safe_line(knowledge['id'])}: {'; '.join(_leakage(knowledge, tasks))}"
        for knowledge in results.get("knowledge") or ()
    ]


def _leakage(knowledge: KnowledgeInfo, tasks: Collection[str] | None) -> list[str]:
    excluded = knowledge.get("excluded")
    parts = [_excluded(excluded) if excluded else _UNCONTROLLED]
    triples = "the triples left" if excluded and "excluded" in excluded else "its triples"
    # Of the very instances that the exclusion looked at it has told enough.
    told = excluded["task"] if excluded and "test_instances" in excluded else None
    counted = [
        leaks for leaks in knowledge.get("leaks") or () if tasks is None or leaks["task"] in tasks
    ]
    parts += [
        _joined(leaks, triples)
        for leaks in counted
        if leaks.get("checked") != 0 or leaks["task"] != told
    ]
    if not excluded and not counted:
        parts.append("leaking test instances are not counted")
    return parts


def _excluded(excluded: Excluded) -> str:
    leaking, dropped = excluded.get("leaking_instances"), excluded.get("excluded")
    if leaking is None or dropped is None:
        return "the exclusion was not made"
    what = (
        f"{numbers.plural(leaking, 'leaking instance')} of {safe_line(excluded['task'])} (match: "
        f"{safe_line(excluded['match'])}), {numbers.plural(dropped, 'triple')} left out"
    )
    if "checked" in excluded and "instances" in excluded:
        of = numbers.plural(excluded["instances"], "instance")
        what += f"; {numbers.count(excluded['checked'])} of {of} could be checked"
    if "leaking_test_instances" in excluded and "test_instances" in excluded:
        both = (excluded["leaking_test_instances"], excluded["test_instances"])
        what += f"; leaking of test: {' of '.join(map(numbers.count, both))}"
    return what


def _joined(leaks: Leaks, triples: str) -> str:
    task = safe_line(leaks["task"])
    if "error" in leaks:
        return f"leaks of {task} were not counted: {safe_line(leaks['error'], _REASON_LIMIT)}"
    if not leaks["checked"]:
        return (
            f"leaks of {task} could not be counted: no test instance gives the ids of two entities "
            "that it has"
        )
    return (
        f"{triples} join the two ends of {numbers.count(leaks['joined'])} of "
        f"{numbers.plural(leaks['instances'], 'test instance')} of {task} (of "
        f"{numbers.count(leaks['checked'])} it has both ends)"
    )


def failures(results: Results) -> list[str]:
    """Return one line for each row that has no result, with its reason."""
    many_hosts = len({row["host"] for row in results["rows"]}) > 1
    many_tasks = len(results["tasks"]) > 1
    lines = []
    for row in results["rows"]:
        if row["status"] == "ok":
            continue
        where = safe_line(row["injection"])
        where += f" on {safe_line(row['host'])}" if many_hosts else ""
        where += f", {safe_line(row['task'])}" if many_tasks else ""
        reason = safe_line(row.get("error") or "no reason recorded", _REASON_LIMIT)
        lines.append(f"{where} {safe_line(row['status'])}: {reason}")
    return lines
