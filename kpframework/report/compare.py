"""Several runs joined into one table: which rows, which columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kpframework.report import numbers
from kpframework.report.compare_model import (
    Choice,
    Comparison,
    Line,
    Pair,
    Run,
    check_known,
    labelled,
)
from kpframework.report.compare_notes import notes_of
from kpframework.report.compare_scores import Baseline, Unpaired, find_apart, line_scores
from kpframework.report.model import primary_metric

__all__ = ["Choice", "Comparison", "Line", "Run", "compare", "labelled"]


def compare(runs: Sequence[Run], choice: Choice, pair: Pair) -> Comparison:
    """Join runs into one table.

    Args:
        runs: at least one.
        choice: filters, and the baseline.
        pair: makes the differences that the runs themselves did not.

    Raises:
        SpecError: KP810, no run has such a task, metric or row.
    """
    columns = _columns(runs, choice)
    tasks = list(dict.fromkeys(task for task, _ in columns))
    lines = _lines(runs, tasks)
    baseline = Baseline.chosen(runs, lines, choice.baseline)
    unpaired: Unpaired = {}
    for line in lines:
        line.scores = list(line_scores(line, lines, columns, baseline, pair, unpaired))
    groups = find_apart(runs, tasks, pair, unpaired)
    _mark_best(lines, columns, groups)
    notes = notes_of(runs, tasks, lines, list(unpaired.values()))
    return Comparison(list(runs), columns, lines, baseline.text, notes)


def _columns(runs: Sequence[Run], choice: Choice) -> list[tuple[str, str]]:
    known: dict[str, list[str]] = {}
    for run in runs:
        for task in run.results["tasks"]:
            metrics = known.setdefault(task["id"], [primary_metric(task)])
            metrics += [metric for metric in task["metrics"] if metric not in metrics]
    for name in choice.tasks:
        check_known("task", name, list(known))
    shown = {task: own for task, own in known.items() if not choice.tasks or task in choice.tasks}
    for name in choice.metrics:
        check_known("metric", name, [metric for own in shown.values() for metric in own])
    return [
        (task, metric)
        for task, own in shown.items()
        for metric in (choice.metrics or own[:1])
        if metric in own
    ]


def _lines(runs: Sequence[Run], tasks: Sequence[str]) -> list[Line]:
    lines: dict[tuple[int, str, str], Line] = {}
    ids = [{row["injection"] for row in run.rows(tasks)} for run in runs]
    for number, run in enumerate(runs):
        for row in run.rows(tasks):
            name, host = row["injection"], row["host"]
            label = name if sum(name in own for own in ids) == 1 else f"{run.label}:{name}"
            line = lines.setdefault((number, name, host), Line(run, name, host, label, []))
            line.rows.append(row)
    return list(lines.values())


def _mark_best(
    lines: Sequence[Line],
    columns: Sequence[tuple[str, str]],
    groups: Mapping[str, Sequence[Sequence[Run]]],
) -> None:
    """Mark the best scores of each column, among runs whose tests are the same.

    A line without another to be better than has no mark, and neither has a control.
    """
    for number, (task, _) in enumerate(columns):
        for runs in groups[task]:
            own = [line for line in lines if any(line.run is run for run in runs)]
            shown = {
                id(line): percent
                for line in own
                if line.plug_and_play
                and not line.control
                and (estimate := line.scores[number].estimate) is not None
                and (percent := numbers.percent(estimate["mean"])) != numbers.NONE
            }
            most = max(shown.values(), key=float, default="")
            for line in own if len(shown) > 1 else ():
                if shown.get(id(line)) == most:
                    line.scores[number] = replace(line.scores[number], best=True)
