"""Pictures of where entities lie before and after the mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpframework.report import numbers
from kpframework.report.figures import Figure, row_label
from kpframework.report.model import Results, Space
from kpframework.report.svg import Drawing, Scale, place
from kpframework.safe import safe_line

_COLOURS = 5
_SIZE = (320, 220)

Points = Sequence[Sequence[float]]


@dataclass(frozen=True)
class SpaceFigures:
    """The pictures of one task: a legend, and for each row its two planes."""

    heading: str
    classes: tuple[str, ...]
    """Named by their colour's number; the rest is grey."""
    rows: tuple[tuple[str, str, tuple[Figure, ...]], ...]
    """Name, what the planes tell, and the planes."""


def space_figures(results: Results) -> list[SpaceFigures]:
    """Return, for each task, the pictures of the rows that put vectors into the host's input."""
    groups: list[SpaceFigures] = []
    for task in results["tasks"]:
        own = [
            (row, space)
            for row in results["rows"]
            if row["task"] == task["id"] and (space := row.get("space"))
        ]
        if not own:
            continue
        names = list(dict.fromkeys(name for _, space in own for name in space["classes"]))
        names = names[:_COLOURS]
        pictures = []
        for number, (row, space) in enumerate(own):
            label = row_label(row, results)
            ident = f"space-{len(groups)}-{number}"
            pictures.append((label, _told(space), _planes(ident, label, space, names)))
        heading = safe_line(task["id"])
        groups.append(SpaceFigures(heading, tuple(map(safe_line, names)), tuple(pictures)))
    return groups


def _told(space: Space) -> str:
    agreement = space["agreement"]
    before, after, chance = (agreement.get(key) for key in ("before", "after", "chance"))
    if before is None or after is None or chance is None:
        return ""
    return (
        "An entity's nearest neighbour has the same answer for "
        f"{numbers.percent(before)} % before the mapping and {numbers.percent(after)} % after it; "
        f"by chance for {numbers.percent(chance)} %."
    )


def _planes(ident: str, label: str, space: Space, names: Sequence[str]) -> tuple[Figure, ...]:
    colours = [names.index(name) if name in names else -1 for name in space["classes"]]
    of = [colours[i] if i >= 0 else -1 for i in space["of"]]
    before = _plane(f"{ident}-before", f"{label}: entity vectors", space["before"], of, ())
    after = _plane(f"{ident}-after", f"{label}: in the input", space["after"], of, space["words"])
    return Figure("entity vectors", before), Figure("what the host is given, among words", after)


def _plane(ident: str, title: str, points: Points, of: Sequence[int], words: Points) -> Drawing:
    width, height = _SIZE
    said = f"{len(points)} entities" + (f" and {len(words)} words of the host" if words else "")
    drawing = Drawing(ident, title, f"Two principal components of {said}.", height, view=width)
    drawing.add("rect", "plane", x=0, y=0, width=width, height=height, rx=4)
    everything = [*points, *words]
    across = _scale([x for x, _ in everything], 12, width - 12)
    up = _scale([y for _, y in everything], height - 12, 12)

    def dots(chosen: Points) -> str:
        return "".join(f"M{place(across(x))},{place(up(y))}h0" for x, y in chosen)

    if words:
        drawing.add("path", "word", d=dots(words))
    for colour in (-1, *range(_COLOURS)):
        chosen = [point for point, own in zip(points, of, strict=True) if own == colour]
        if chosen:
            drawing.add(
                "path", f"entity {f'c{colour}' if colour >= 0 else 'other'}", d=dots(chosen)
            )
    return drawing


def _scale(values: Sequence[float], start: float, end: float) -> Scale:
    return Scale(min(values), max(values), start, end)
