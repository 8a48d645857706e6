"""What did not fit into the inputs: texts that were cut, and knowledge that was."""

from __future__ import annotations

from collections.abc import Iterator

from kpframework.report import numbers
from kpframework.report.figures import row_name
from kpframework.report.grid import Cell, Column, Grid, warnings_of
from kpframework.report.model import Results, Row, Truncation
from kpframework.safe import safe_line

_COLUMNS = (
    Column("row", numeric=False),
    Column("inputs cut", note="inputs that lost some of their text to max_length"),
    Column("cut without knowledge", note="the same inputs on the host alone"),
    Column("own tokens displaced", note="tokens of the texts that knowledge pushed out"),
    Column("knowledge kept", note="of the positions asked for: text, slots and marks"),
    Column("inputs left without", note="of the inputs that any knowledge was asked for in"),
)


def truncation_table(results: Results) -> Grid | None:
    """Return what each row's inputs lost; None where no row's lost anything."""
    many_tasks = len(results["tasks"]) > 1
    rows = [(row, own) for row in results["rows"] if (own := row.get("truncation"))]
    if not any(own["cut"] or _knowledge_lost(own) for _, own in rows):
        return None
    lines = []
    for row, own in rows:
        label = row_name(row, results)
        label += f", {safe_line(row['task'])}" if many_tasks else ""
        asked = own["knowledge"]
        lines.append(
            (
                Cell(label, ", ".join(warnings_of(row))),
                _part(own["cut"], own["inputs"]),
                _part(own["cut_without_knowledge"], own["inputs"]),
                Cell(numbers.count(own["displaced_tokens"])),
                _part(asked["kept"], asked["wanted"]),
                _part(asked["inputs_left_without"], asked["inputs"]),
            )
        )
    return Grid(_COLUMNS, tuple(lines))


def _part(part: int, whole: int) -> Cell:
    if not whole:
        return Cell(numbers.NONE)
    of = f"{numbers.count(part)} of {numbers.count(whole)}"
    return Cell(of, f"{numbers.share(part, whole)}")


def _knowledge_lost(own: Truncation) -> bool:
    return own["knowledge"]["kept"] < own["knowledge"]["wanted"]


def truncation_notes(results: Results) -> list[str]:
    """Return a line for each task of which inputs were cut, and one for lost knowledge."""
    return [note for task in results["tasks"] for note in _notes(task["id"], results) if note]


def _notes(task: str, results: Results) -> Iterator[str]:
    rows = [
        (row, own)
        for row in results["rows"]
        if row["task"] == task and (own := row.get("truncation"))
    ]
    cut: dict[str, list[Row]] = {}
    lost: dict[str, list[Row]] = {}
    for row, own in rows:
        if own["cut"]:
            said = f"{numbers.count(own['cut'])} of {numbers.count(own['inputs'])}"
            cut.setdefault(said, []).append(row)
        if _knowledge_lost(own):
            asked = own["knowledge"]
            said = f"{numbers.share(asked['wanted'] - asked['kept'], asked['wanted'])} of it"
            if asked["inputs_left_without"]:
                left, inputs = asked["inputs_left_without"], asked["inputs"]
                said += f", all of it in {numbers.count(left)} of {numbers.count(inputs)} inputs"
            lost.setdefault(said, []).append(row)
    name = safe_line(task)
    if cut:
        yield f"{name}, inputs cut to max_length: {_grouped(cut, len(rows), results)}"
    if lost:
        yield f"{name}, knowledge that did not fit: {_grouped(lost, len(rows), results)}"


def _grouped(groups: dict[str, list[Row]], count: int, results: Results) -> str:
    """Return what is said of rows, once for those that share it."""
    parts = []
    for said, rows in groups.items():
        names = ", ".join(row_name(row, results) for row in rows)
        parts.append(f"{said} ({'every row' if len(rows) == count else names})")
    return "; ".join(parts)
