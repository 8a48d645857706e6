"""A comparison in each format it can be written in."""

from __future__ import annotations

import json
import shutil
import sys

from kpframework.report import compare_table, numbers
from kpframework.report.compare_model import Comparison, Run
from kpframework.report.compare_values import comparison_csv, comparison_values
from kpframework.report.facts import created
from kpframework.report.latex import latex_grid
from kpframework.report.table import TerminalGrid, markdown_grid, plain_grid, write_text
from kpframework.safe import safe_line

FORMATS = {
    "text": (".txt",),
    "md": (".md", ".markdown"),
    "csv": (".csv",),
    "latex": (".tex",),
    "html": (".html", ".htm"),
    "json": (".json",),
}
"""Each format with the file names' endings that mean it."""


def rendered(comparison: Comparison, form: str) -> str:
    """Return a comparison in one of `FORMATS`."""
    grid, notes = compare_table.comparison_grid(comparison), comparison.notes
    if form == "md":
        return markdown_grid(grid, notes)
    if form == "csv":
        return comparison_csv(comparison)
    if form == "latex":
        return latex_grid(grid, notes, _bold(comparison), title(comparison))
    if form == "html":
        return _page(comparison)
    if form == "json":
        text = json.dumps(comparison_values(comparison), indent=2, allow_nan=False)
        return text.replace("\x7f", "\\u007f") + "\n"
    return plain_grid(title(comparison), grid, notes)


def show_comparison(comparison: Comparison) -> None:
    """Print the table to standard output: styled in a terminal, plain text elsewhere.

    In a terminal that is too narrow the costs are a table of their own beneath the scores.
    """
    if not sys.stdout.isatty():
        write_text(rendered(comparison, "text"))
        return
    from rich.console import Console

    console = Console(file=sys.stdout)
    grid = compare_table.comparison_grid(comparison)
    width = max(map(len, plain_grid("", grid, ()).splitlines()))
    if width <= shutil.get_terminal_size().columns:
        console.print(TerminalGrid(title(comparison), grid, comparison.notes))
        return
    scores, costs = compare_table.split_grid(comparison)
    console.print(TerminalGrid(title(comparison), scores))
    console.print()
    console.print(TerminalGrid("costs", costs, comparison.notes))


def title(comparison: Comparison) -> str:
    """Return the runs' labels on one line."""
    return safe_line(" | ".join(run.label for run in comparison.runs))


def _bold(comparison: Comparison) -> set[tuple[int, int]]:
    """Return the cells of the grid that hold the best plug-and-play score of their column."""
    start = compare_table.name_columns(comparison)
    return {
        (number, start + 2 * column)
        for number, line in enumerate(comparison.lines)
        for column, score in enumerate(line.scores)
        if score.best
    }


def _page(comparison: Comparison) -> str:
    from kpframework.report.page import template

    runs = [(safe_line(run.label), _facts(run)) for run in comparison.runs]
    return template("compare.html.j2").render(
        name=title(comparison),
        grid=compare_table.comparison_grid(comparison),
        notes=[note for note in comparison.notes if not note.startswith("* ")],
        runs=runs,
    )


def _facts(run: Run) -> list[tuple[str, str]]:
    named = {
        "folder": run.source,
        "made": created(run.results),
        "kpframework": run.results.get("version"),
        "backbone": (run.results.get("backbone") or {}).get("name"),
    }
    return [(name, safe_line(value or numbers.DASH)) for name, value in named.items()]
