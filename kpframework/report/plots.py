"""The page's plots: forest of scores, training curves, coverage and timing bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpframework.report import numbers
from kpframework.report.grid import Verdict
from kpframework.report.svg import Drawing, Scale, padded

_LABEL_LIMIT = 44
_MOST_POINTS = 160
_FOREST_ROW = 46
_BAR_ROW = 40


@dataclass(frozen=True)
class ForestRow:
    """One line of a forest plot; shares in [0, 1]."""

    label: str
    mean: float
    low: float
    high: float
    verdict: Verdict
    hollow: bool
    """Drawn hollow: a control."""


def forest_plot(
    ident: str, title: str, rows: Sequence[ForestRow], baseline: tuple[str, float] | None
) -> Drawing:
    """Draw each row's score with its interval, and the baseline as a dashed line."""
    values = [v for row in rows for v in (row.low, row.mean, row.high)]
    values += [baseline[1]] if baseline else []
    low, high = padded(values, 0.06)
    scale = Scale(low, high, 1.5, 98.5)
    bottom = 24 + _FOREST_ROW * len(rows)
    said = "; ".join(f"{row.label} {_score(row)}" for row in rows)
    drawing = Drawing(ident, title, f"In percent, with intervals: {said}.", bottom + 30)
    for tick in scale.ticks(5):
        drawing.add("line", "grid", x1=scale.at(tick), x2=scale.at(tick), y1=20, y2=bottom)
        drawing.text("tick", numbers.percent(tick), scale.at(tick), bottom + 16, "middle")
    if baseline:
        name, value = baseline
        x = scale.at(value)
        drawing.add("line", "baseline", x1=x, x2=x, y1=20, y2=bottom)
        side = "start" if scale(value) < 20 else "end" if scale(value) > 80 else "middle"
        drawing.text("tick strong", f"{_cut(name)} {numbers.percent(value)}", x, 13, side)
    for number, row in enumerate(rows):
        top = 24 + number * _FOREST_ROW
        look = f"{row.verdict or 'plain'}{' hollow' if row.hollow else ''}"
        drawing.text("label", _cut(row.label), "0", top + 15, "start")
        drawing.text("value", _score(row), "100%", top + 15, "end")
        y = top + 30
        drawing.add(
            "line", f"whisker {look}", x1=scale.at(row.low), x2=scale.at(row.high), y1=y, y2=y
        )
        drawing.add("circle", f"dot {look}", cx=scale.at(row.mean), cy=y, r=5)
    return drawing


def _score(row: ForestRow) -> str:
    interval = numbers.percent_interval((row.low, row.high)) if row.high > row.low else ""
    return f"{numbers.percent(row.mean)} {interval}".rstrip()


@dataclass(frozen=True)
class Line:
    """One seed's curve; both lists hold finite numbers."""

    seed: int
    x: list[float]
    y: list[float]


def curve_plot(
    ident: str, title: str, lines: Sequence[Line], limits: tuple[float, float], shares: bool
) -> Drawing:
    """Draw one small chart; ``limits`` is the vertical range that it shares with its neighbours."""
    width, height, left, right, top, bottom = 320, 180, 44, 312, 10, 154
    low, high = padded(limits, 0.05)
    steps = [x for line in lines for x in line.x]
    across = Scale(min(steps), max(steps), left, right)
    up = Scale(low, high, bottom, top)
    last = ", ".join(f"seed {line.seed} ends at {_reading(line.y[-1], shares)}" for line in lines)
    drawing = Drawing(ident, title, f"One line a seed: {last}.", height, view=width)
    for tick in up.ticks(4):
        drawing.add("line", "grid", x1=left, x2=right, y1=up(tick), y2=up(tick))
        drawing.text("tick", _reading(tick, shares), left - 6, up(tick) + 3.5, "end")
    for tick in across.ticks(4):
        drawing.text("tick", f"{tick:,g}", across(tick), bottom + 17, "middle")
    for number, line in enumerate(lines):
        xy = [(across(x), up(y)) for x, y in _thinned(line)]
        drawing.path(f"curve c{number % 5}", xy)
        drawing.add("circle", f"end c{number % 5}", cx=xy[-1][0], cy=xy[-1][1], r=2.2)
    return drawing


def _reading(value: float, shares: bool) -> str:
    return numbers.percent(value) if shares else f"{value:.3g}"


def _thinned(line: Line) -> list[tuple[float, float]]:
    """Return at most `_MOST_POINTS` points: the means of equally long stretches."""
    size = -(-len(line.x) // _MOST_POINTS)
    if size <= 1:
        return list(zip(line.x, line.y, strict=True))
    stretches = [(line.x[i : i + size], line.y[i : i + size]) for i in range(0, len(line.x), size)]
    return [(sum(x) / len(x), sum(y) / len(y)) for x, y in stretches]


@dataclass(frozen=True)
class Bar:
    """One bar with what is written above it."""

    label: str
    value: float
    shown: str
    style: str = "plain"


def bar_plot(ident: str, title: str, bars: Sequence[Bar]) -> Drawing:
    """Draw horizontal bars from zero; the longest takes the whole width."""
    longest = max((bar.value for bar in bars), default=0.0) or 1.0
    said = "; ".join(f"{bar.label}: {bar.shown}" for bar in bars)
    drawing = Drawing(ident, title, f"{said}.", _BAR_ROW * len(bars) + 4)
    for number, bar in enumerate(bars):
        top = number * _BAR_ROW
        drawing.text("label", _cut(bar.label), "0", top + 15, "start")
        drawing.text("value", bar.shown, "100%", top + 15, "end")
        drawing.add("rect", "track", x="0", y=top + 22, width="100%", height=9, rx=2)
        share = max(100 * bar.value / longest, 0.0)
        drawing.add(
            "rect", f"bar {bar.style}", x="0", y=top + 22, width=f"{share:.2f}%", height=9, rx=2
        )
    return drawing


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL_LIMIT else label[: _LABEL_LIMIT - 1] + "…"
