"""From results to plots: which rows, which range, which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpframework.report import numbers
from kpframework.report.grid import verdict, warnings_of
from kpframework.report.model import Curve, Results, Row, TaskInfo, Timing, primary_metric
from kpframework.report.plots import (
    Bar,
    ForestRow,
    Line,
    bar_plot,
    curve_plot,
    forest_plot,
)
from kpframework.report.svg import Drawing
from kpframework.safe import safe_line

_MOST_STEPS = 24


@dataclass(frozen=True)
class Figure:
    """A drawing with its heading."""

    heading: str
    drawing: Drawing


@dataclass(frozen=True)
class Figures:
    """Small charts of one quantity, on one vertical scale."""

    heading: str
    figures: tuple[Figure, ...]


def row_name(row: Row, results: Results) -> str:
    """Return a row's name, with its host where there are several."""
    name = safe_line(row["injection"])
    several = len({r["host"] for r in results["rows"]}) > 1
    return f"{name} on {safe_line(row['host'])}" if several else name


def row_label(row: Row, results: Results) -> str:
    """Return a row's name, with what one must know not to misread it."""
    label, notes = row_name(row, results), warnings_of(row)
    return f"{label} ({', '.join(notes)})" if notes else label


def forests(results: Results) -> list[Figure]:
    """Return one forest plot for each task and host."""
    figures: list[Figure] = []
    hosts = list(dict.fromkeys(row["host"] for row in results["rows"]))
    for task in results["tasks"]:
        for host in hosts:
            rows = [
                row
                for row in results["rows"]
                if (row["task"], row["host"], row["status"]) == (task["id"], host, "ok")
            ]
            heading = _heading(task) + (f" on {safe_line(host)}" if len(hosts) > 1 else "")
            figure = _forest(f"forest{len(figures)}", heading, rows, primary_metric(task))
            figures += [Figure(heading, figure)] if figure else []
    return figures


def _heading(task: TaskInfo) -> str:
    name = safe_line(numbers.metric_name(primary_metric(task)))
    return f"{safe_line(task['id'])}: {name} in %"


def _forest(ident: str, heading: str, rows: Sequence[Row], metric: str) -> Drawing | None:
    drawn, means = [], {}
    baselines = {d["baseline"] for row in rows if (d := row.get("difference"))}
    for row in rows:
        estimate = row.get("metrics", {}).get(metric)
        if estimate is None or estimate["mean"] is None or not numbers.is_number(estimate["mean"]):
            continue
        mean = means[row["injection"]] = estimate["mean"]
        low, high = _bounds(estimate.get("interval"), mean)
        difference = row.get("difference")
        change = verdict(difference["metrics"].get(metric)) if difference else ""
        notes = ", ".join(warnings_of(row))
        label = safe_line(row["injection"]) + (f" ({notes})" if notes else "")
        drawn.append(ForestRow(label, mean, low, high, change, bool(row.get("control"))))
    if not drawn:
        return None
    known = [name for name in baselines if name in means]
    line = (safe_line(known[0]), means[known[0]]) if len(known) == 1 else None
    return forest_plot(ident, heading, drawn, line)


def _bounds(interval: Sequence[float | None] | None, mean: float) -> tuple[float, float]:
    if interval and len(interval) == 2:
        low, high = interval
        if low is not None and high is not None and numbers.is_number(high - low):
            return low, high
    return mean, mean


def curve_figures(results: Results) -> list[Figures]:
    """Return the training curves: for each task and quantity, one chart a row."""
    metrics = {metric for task in results["tasks"] for metric in task["metrics"]}
    many_tasks = len(results["tasks"]) > 1
    by_quantity: dict[tuple[str, str], list[tuple[Row, list[Line]]]] = {}
    for row in results["rows"]:
        curves: dict[str, list[Line]] = {}
        for curve in row.get("curves") or ():
            line = _line(curve)
            if line.x:
                curves.setdefault(curve["name"], []).append(line)
        for name, lines in curves.items():
            by_quantity.setdefault((row["task"], name), []).append((row, lines))
    groups = []
    for number, ((task, name), charts) in enumerate(by_quantity.items()):
        values = [y for _, lines in charts for line in lines for y in line.y]
        shares = name.split()[-1:] != [] and name.split()[-1] in metrics
        shown = " ".join(numbers.metric_name(word) for word in safe_line(name).split())
        heading = shown + (" (%)" if shares else "")
        heading += f", {safe_line(task)}" if many_tasks else ""
        figures = tuple(
            Figure(
                label := row_label(row, results),
                curve_plot(
                    f"curve{number}-{i}",
                    f"{heading}: {label}",
                    lines,
                    (min(values), max(values)),
                    shares,
                ),
            )
            for i, (row, lines) in enumerate(charts)
        )
        groups.append(Figures(heading, figures))
    return groups


def _line(curve: Curve) -> Line:
    pairs = [
        (float(x), float(y))
        for x, y in zip(curve["x"], curve["y"], strict=False)
        if y is not None and numbers.is_number(x) and numbers.is_number(y)
    ]
    return Line(curve["seed"], [x for x, _ in pairs], [y for _, y in pairs])


def coverage_figures(results: Results) -> list[Figure]:
    """Return how many mentions can be used, once for rows that share it."""
    seen: dict[tuple[str, tuple[int, int, int]], list[str]] = {}
    for row in results["rows"]:
        coverage = row.get("coverage")
        if coverage and coverage["mentions"]:
            key = coverage["mentions"], coverage["linked"], coverage["with_vector"]
            label = row_label(row, results)
            seen.setdefault((row["task"], key), []).append(label)
    figures = []
    for number, ((task, (mentions, linked, vectors)), labels) in enumerate(seen.items()):
        bars = [
            Bar("mentions in the test texts", mentions, numbers.count(mentions)),
            Bar("linked to an entity", linked, _part(linked, mentions, "of the mentions")),
            Bar("usable", vectors, _part(vectors, linked, "of the links"), "gain"),
        ]
        names = ", ".join(dict.fromkeys(labels))
        heading = f"{safe_line(task)}: {names}" if len(results["tasks"]) > 1 else names
        figures.append(Figure(heading, bar_plot(f"coverage{number}", heading, bars)))
    return figures


def _part(part: int, whole: int, of: str) -> str:
    return f"{numbers.count(part)}, {numbers.share(part, whole)} {of}"


def timing_figure(results: Results) -> tuple[str, Drawing | None]:
    """Return what was computed and what was reused, in a sentence and as bars."""
    steps = results.get("timing") or []
    if not steps:
        return "", None
    computed = [step for step in steps if not step.get("reused")]
    reused = len(steps) - len(computed)
    total = sum(step["seconds"] for step in computed)
    said = f"{numbers.plural(len(computed), 'step')} computed in {numbers.duration(total)}"
    if reused:
        said += f"; {numbers.plural(reused, 'step')} reused, shown with the time they once took"
    said += "."
    slowest = sorted(steps, key=lambda step: -step["seconds"])[:_MOST_STEPS]
    if len(slowest) < len(steps):
        said += f" The {len(slowest)} longest are shown."
    bars = [_step_bar(step) for step in slowest]
    return said, bar_plot("timing", "Seconds a step", bars)


def _step_bar(step: Timing) -> Bar:
    reused = bool(step.get("reused"))
    shown = numbers.duration(step["seconds"]) + (", reused" if reused else "")
    return Bar(safe_line(step["step"]), step["seconds"], shown, "reused" if reused else "plain")
