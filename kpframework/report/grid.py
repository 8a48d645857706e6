"""The table as cells, before anything decides how cells look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from kpframework.report import numbers
from kpframework.report.model import (
    Difference,
    Estimate,
    Results,
    Row,
    Subset,
    TaskInfo,
    primary_metric,
)
from kpframework.safe import safe_line

Verdict = Literal["", "gain", "loss", "unclear"]
TRAINED_NOTE = "parameters that training changes, that of an earlier stage included"
TRAIN_NOTE = "seconds of training, earlier stages included; - where a saved plugin does not say"
EXAMPLE_NOTE = "encoding one test example and the host's answer to it; linking is not counted"


@dataclass(frozen=True)
class Column:
    """A heading; ``numeric`` columns are aligned to the right."""

    title: str
    numeric: bool = True
    note: str = ""
    """What the heading means, shown on the page when it is pointed at."""


_COSTS = (
    Column("trained params", note=TRAINED_NOTE),
    Column("train s", note=TRAIN_NOTE),
    Column("ms per example", note=EXAMPLE_NOTE),
)


@dataclass(frozen=True)
class Cell:
    """What a cell says, in more detail beneath, and which way its difference goes."""

    text: str
    detail: str = ""
    verdict: Verdict = ""
    about_detail: bool = False
    """The verdict is about the detail, not the text."""

    @property
    def mark(self) -> str:
        """An asterisk where the interval of a difference excludes zero."""
        return "*" if self.verdict in ("gain", "loss") else ""


@dataclass(frozen=True)
class Grid:
    """Columns, and lines of as many cells."""

    columns: tuple[Column, ...]
    lines: tuple[tuple[Cell, ...], ...]


def results_grid(results: Results) -> Grid:
    """Return the table: injections (times hosts) down, tasks and costs across."""
    rows, tasks = results["rows"], results["tasks"]
    keys = list(dict.fromkeys((row["injection"], row["host"]) for row in rows))
    by_place = {(row["injection"], row["host"], row["task"]): row for row in rows}
    many_hosts = len({host for _, host in keys}) > 1
    columns = [Column("row", numeric=False)]
    if many_hosts:
        columns.append(Column("host", numeric=False))
    blocks = [_TaskBlock(task, rows, many=len(tasks) > 1) for task in tasks]
    for block in blocks:
        columns += block.columns
    columns += _COSTS
    lines = []
    for injection, host in keys:
        own = [by_place.get((injection, host, task["id"])) for task in tasks]
        present = [row for row in own if row is not None]
        line = [_label(present)]
        if many_hosts:
            line.append(Cell(safe_line(host)))
        for block, row in zip(blocks, own, strict=True):
            line += block.cells(row)
        lines.append((*line, *_costs(present)))
    return Grid(tuple(columns), tuple(lines))


def _label(rows: Sequence[Row]) -> Cell:
    row = rows[0] if rows else None
    if row is None:
        return Cell(numbers.NONE)
    return Cell(safe_line(row["injection"]), ", ".join(warnings_of(row)))


def warnings_of(row: Row) -> list[str]:
    """Return what one must know of a row not to misread it."""
    notes = [f"{safe_line(row['control'])} control"] if row.get("control") else []
    notes += ["trains the host"] if row.get("trains_host") else []
    return [*notes, "HOST CHANGED"] if host_moved(row) else notes


def host_moved(row: Row) -> bool:
    """Tell whether a row changed a host that it should have left frozen."""
    same = all(p["unchanged"] and p["before"] == p["after"] for p in row.get("fingerprint") or ())
    return not row.get("trains_host") and not (same and row.get("plug_and_play", True))


def _costs(rows: Sequence[Row]) -> tuple[Cell, Cell, Cell]:
    ok = [row for row in rows if row["status"] == "ok"]
    parameters = [p for row in ok if (p := row.get("parameters")) is not None]
    seconds = [s for row in ok if (s := row.get("seconds", {}).get("train")) is not None]
    each = [ms for row in ok if (ms := row.get("ms_per_example")) is not None]
    return (
        Cell(numbers.compact(max(parameters)) if parameters else numbers.NONE),
        Cell(numbers.decimal(sum(seconds) / len(seconds)) if seconds else numbers.NONE),
        Cell(numbers.decimal(sum(each) / len(each), 2) if each else numbers.NONE),
    )


class _TaskBlock:
    """The columns of one task."""

    def __init__(self, task: TaskInfo, rows: Sequence[Row], many: bool) -> None:
        self.metric = primary_metric(task)
        own = [row for row in rows if row["task"] == task["id"] and row["status"] == "ok"]
        name = safe_line(numbers.metric_name(self.metric))
        prefix = f"{safe_line(task['id'])} " if many else ""
        baselines = {d["baseline"] for row in own if (d := row.get("difference"))}
        self.baselines = frozenset(baselines)
        against = safe_line(baselines.pop()) if len(baselines) == 1 else "baseline"
        self.columns = [Column(f"{prefix}{name} %"), Column(f"{prefix}vs {against}")]
        test = task.get("counts", {}).get("test")
        leading = [s for row in own if (s := most_covered(row))]
        counts = {subset["count"] for subset in leading}
        self.subset = bool(counts - {test})
        self.sized = len(counts) > 1
        if self.subset:
            size = "" if self.sized else f" (n={numbers.count(counts.pop())})"
            names = {safe_line(subset["name"]) for subset in leading}
            title = names.pop() if len(names) == 1 else "most covered"
            self.columns.append(Column(f"{prefix}{title}{size}"))

    def cells(self, row: Row | None) -> list[Cell]:
        width = 3 if self.subset else 2
        if row is None:
            return [Cell(numbers.NONE)] * width
        if row["status"] != "ok":
            return [Cell(safe_line(row["status"])), *[Cell(numbers.NONE)] * (width - 1)]
        change = difference_cell(row.get("difference"), self.metric)
        if row["injection"] in self.baselines and not row.get("difference"):
            change = Cell("baseline")
        cells = [score_cell(row.get("metrics", {}).get(self.metric)), change]
        if not self.subset:
            return cells
        return [*cells, subset_cell(most_covered(row), self.metric, self.sized)]


def most_covered(row: Row) -> Subset | None:
    """Return the first subset that holds any example."""
    return next((s for s in row.get("subsets") or () if s["count"]), None)


def score_cell(estimate: Estimate | None) -> Cell:
    """Return a metric in percent with its interval."""
    if estimate is None:
        return Cell(numbers.NONE)
    return Cell(
        numbers.percent(estimate["mean"]), numbers.percent_interval(estimate.get("interval"))
    )


def difference_cell(difference: Difference | None, metric: str) -> Cell:
    """Return a difference in points with its interval and its verdict."""
    estimate = difference["metrics"].get(metric) if difference else None
    if estimate is None:
        return Cell(numbers.NONE)
    interval = numbers.points_interval(estimate.get("interval"))
    return Cell(numbers.points(estimate["mean"]), interval, verdict(estimate))


def subset_cell(subset: Subset | None, metric: str, sized: bool = False) -> Cell:
    """Return a subset's score, with its size if asked for, and the difference on it beneath."""
    if subset is None:
        return Cell(numbers.NONE)
    score = score_cell(subset["metrics"].get(metric)).text
    score += f" (n={numbers.count(subset['count'])})" if sized else ""
    change = difference_cell(subset.get("difference"), metric)
    if change.text == numbers.NONE:
        return Cell(score)
    return Cell(score, f"({change.text})", change.verdict, about_detail=True)


def verdict(estimate: Estimate | None) -> Verdict:
    """Return which way a difference goes, as far as its interval tells."""
    if estimate is None or estimate["mean"] is None:
        return ""
    if not estimate.get("excludes_zero"):
        return "unclear"
    return "gain" if estimate["mean"] > 0 else "loss"
