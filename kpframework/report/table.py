"""The table of a run in a terminal, as plain text and as Markdown."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from kpframework.report.grid import Cell, Grid, Verdict, results_grid
from kpframework.report.model import Results
from kpframework.report.notes import footnotes
from kpframework.safe import cell_width, safe_line

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
    from rich.text import Text

_STYLES: dict[Verdict, str] = {"gain": "bold green", "loss": "bold red", "unclear": "", "": ""}
_LEAST_NAME = 12
_MARKDOWN = re.compile(r"([\\`*_\[\]|<>~&$])")


def show_table(results: Mapping[str, Any]) -> None:
    """Print the table to standard output: styled in a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        from rich.console import Console

        Console(file=sys.stdout).print(terminal_table(results))
        return
    write_text(plain_table(results))


def write_text(text: str) -> None:
    """Write text to standard output, what its encoding lacks escaped."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def terminal_table(results: Mapping[str, Any]) -> RenderableType:
    """Return the table as a rich renderable; its texts are never read as rich markup."""
    content = cast("Results", results)
    return TerminalGrid(safe_line(content["name"]), results_grid(content), footnotes(content))


class TerminalGrid:
    """Keeps numbers whole for as long as the terminal is wide enough for them."""

    def __init__(self, title: str, grid: Grid, notes: Sequence[str] = ()) -> None:
        self.title, self.grid, self.notes = title, grid, notes

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        lines = [[_rich_cell(cell) for cell in line] for line in self.grid.lines]
        widths = self._widths(lines, options.max_width)
        table = Table(
            title=Text(self.title, style="bold"),
            title_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 0) if widths else (0, 1, 0, 0),
            pad_edge=False,
            show_edge=False,
        )
        for number, column in enumerate(self.grid.columns):
            table.add_column(
                Text(column.title),
                justify="right" if column.numeric else "left",
                width=widths[number] if widths else None,
                overflow="fold",
            )
        for line in lines:
            table.add_row(*line)
        yield table
        if self.notes:
            yield Text()
        for note in self.notes:
            yield Text(note, style="dim")

    def _widths(self, lines: list[list[Text]], available: int) -> list[int]:
        """Return widths that keep numbers whole, or none where there is room, or too little."""
        columns = self.grid.columns
        bodies = [
            max((part.cell_len for line in lines for part in line[i].split()), default=0)
            for i in range(len(columns))
        ]
        natural = [max(b, cell_width(c.title)) for b, c in zip(bodies, columns, strict=True)]
        if sum(natural) + 2 * (len(columns) - 1) <= available:
            return []
        words = [max(map(cell_width, column.title.split()), default=0) for column in columns]
        least = [max(pair) for pair in zip(bodies, words, strict=True)]
        rest = available - (len(columns) - 1)
        rest -= sum(w for w, column in zip(least, columns, strict=True) if column.numeric)
        names = rest // sum(not column.numeric for column in columns)
        if names < _LEAST_NAME:
            return []
        return [
            width if column.numeric else min(names, width)
            for width, column in zip(least, columns, strict=True)
        ]


def _rich_cell(cell: Cell) -> Text:
    from rich.text import Text

    style = _STYLES[cell.verdict]
    mark = f" {cell.mark}" if cell.mark else ""
    if cell.about_detail:
        return Text.assemble(f"{cell.text}\n", (f"{cell.detail}{mark}", style or "dim"))
    text = Text(cell.text + mark, style=style)
    if cell.detail:
        text.append(f"\n{cell.detail}", style="dim not bold")
    return text


def plain_table(results: Mapping[str, Any]) -> str:
    """Return aligned text without styling: for pipes, logs and files."""
    content = cast("Results", results)
    return plain_grid(safe_line(content["name"]), results_grid(content), footnotes(content))


def plain_grid(title: str, grid: Grid, notes: Sequence[str]) -> str:
    """Return a grid as aligned text beneath a title, with lines beneath."""
    lines = [[column.title for column in grid.columns]]
    lines += [[_name(line[0]), *map(_flat, line[1:])] for line in grid.lines]
    widths = [max(cell_width(line[i]) for line in lines) for i in range(len(grid.columns))]
    text = [title]
    for number, line in enumerate(lines):
        cells = [
            _pad(value, width, column.numeric)
            for value, width, column in zip(line, widths, grid.columns, strict=True)
        ]
        text.append("  ".join(cells).rstrip())
        if number == 0:
            text.append("  ".join("-" * width for width in widths))
    return "\n".join([*text, "", *notes]) + "\n"


def markdown_table(results: Mapping[str, Any]) -> str:
    """Return the table in GitHub's Markdown; no text of the results acts as markup."""
    content = cast("Results", results)
    return markdown_grid(results_grid(content), footnotes(content))


def markdown_grid(grid: Grid, notes: Sequence[str]) -> str:
    """Return a grid in GitHub's Markdown, with a list beneath; no text acts as markup."""
    lines = [
        "| " + " | ".join(_escaped(column.title) for column in grid.columns) + " |",
        "| " + " | ".join("---:" if column.numeric else ":---" for column in grid.columns) + " |",
    ]
    for line in grid.lines:
        lines.append(_markdown_line(line))
    return "\n".join([*lines, "", *(f"- {_escaped(note)}" for note in notes)]) + "\n"


def _flat(cell: Cell) -> str:
    return " ".join(part for part in (cell.text, cell.detail, cell.mark) if part)


def _name(cell: Cell) -> str:
    return f"{cell.text} ({cell.detail})" if cell.detail else cell.text


def _markdown_line(line: tuple[Cell, ...]) -> str:
    cells = [_escaped(_name(line[0]))]
    for cell in line[1:]:
        text = _escaped(_flat(cell))
        cells.append(f"**{text}**" if cell.mark else text)
    return "| " + " | ".join(cells) + " |"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", text)


def _pad(text: str, width: int, right: bool) -> str:
    blank = " " * (width - cell_width(text))
    return blank + text if right else text + blank
