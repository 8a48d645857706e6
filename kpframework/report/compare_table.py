"""A comparison as cells."""

from __future__ import annotations

from kpframework.report import numbers
from kpframework.report.compare_model import Comparison, Line, Score
from kpframework.report.compare_values import costs_of
from kpframework.report.grid import (
    EXAMPLE_NOTE,
    TRAIN_NOTE,
    TRAINED_NOTE,
    Cell,
    Column,
    Grid,
    score_cell,
    verdict,
    warnings_of,
)
from kpframework.report.tables import OVERHEAD_NOTE, memory_cell, plug_and_play
from kpframework.safe import safe_line

_COSTS = (
    Column("trained params", note=TRAINED_NOTE),
    Column("train s", note=TRAIN_NOTE),
    Column("peak MB"),
    Column("ms per example", note=EXAMPLE_NOTE),
    Column("extra tokens", note=OVERHEAD_NOTE),
    Column("change of the KB", numeric=False),
    Column("plug-and-play", numeric=False),
)


def comparison_grid(comparison: Comparison) -> Grid:
    """Return scores and differences, and what each row costs, as cells."""
    scores, costs = split_grid(comparison)
    names = name_columns(comparison)
    return Grid(
        (*scores.columns, *costs.columns[names:]),
        tuple((*a, *b[names:]) for a, b in zip(scores.lines, costs.lines, strict=True)),
    )


def split_grid(comparison: Comparison) -> tuple[Grid, Grid]:
    """Return the two halves of the table, for a terminal too narrow for both."""
    names = [Column("row", numeric=False), Column("host", numeric=False)]
    names = names[: name_columns(comparison)]
    columns = [*names]
    for task, metric in comparison.columns:
        columns += _score_columns(comparison, task, metric)
    scores, costs = [], []
    for line in comparison.lines:
        own = [_label(line), Cell(safe_line(line.host))][: len(names)]
        cells = [cell for score in line.scores for cell in _score_cells(line, score)]
        scores.append((*own, *cells))
        costs.append((*own, *_cost_cells(line)))
    return Grid(tuple(columns), tuple(scores)), Grid((*names, *_COSTS), tuple(costs))


def name_columns(comparison: Comparison) -> int:
    """Return how many columns name a row: one, or two where there are several hosts."""
    return 1 + (len({line.host for line in comparison.lines}) > 1)


def _label(line: Line) -> Cell:
    warnings = dict.fromkeys(note for row in line.rows for note in warnings_of(row))
    return Cell(safe_line(line.label), ", ".join(warnings))


def _score_columns(comparison: Comparison, task: str, metric: str) -> list[Column]:
    many = len({name for name, _ in comparison.columns}) > 1
    prefix = f"{safe_line(task)} " if many else ""
    name = safe_line(numbers.metric_name(metric))
    several = len([own for own, _ in comparison.columns if own == task]) > 1
    against = f"{prefix}{name} vs" if several else f"{prefix}vs"
    return [Column(f"{prefix}{name} %"), Column(f"{against} {safe_line(comparison.baseline)}")]


def _score_cells(line: Line, score: Score) -> list[Cell]:
    if score.row is None:
        return [Cell(numbers.NONE)] * 2
    if score.row["status"] != "ok":
        return [Cell(safe_line(score.row["status"])), Cell(numbers.NONE)]
    if score.difference is not None:
        interval = numbers.points_interval(score.difference.get("interval"))
        points = numbers.points(score.difference["mean"])
        change = Cell(points, interval, verdict(score.difference))
    else:
        change = Cell("baseline" if score.baseline == line.name else numbers.NONE)
    return [score_cell(score.estimate), change]


def _cost_cells(line: Line) -> list[Cell]:
    costs = costs_of(line)
    kept = dict.fromkeys(plug_and_play(row) for row in line.rows)
    return [
        Cell(numbers.compact(costs.parameters)),
        Cell(numbers.decimal(costs.train_seconds)),
        memory_cell(costs.memory),
        Cell(numbers.decimal(costs.ms_per_example, 2)),
        Cell(numbers.decimal(costs.input_overhead)),
        Cell(safe_line(costs.kb_update or numbers.NONE)),
        Cell(", ".join(kept)),
    ]
