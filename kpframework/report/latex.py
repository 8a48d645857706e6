"""A grid as a LaTeX table with booktabs' rules."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from kpframework.report.grid import Cell, Grid

_ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\symbol{34}",
    # Two of them are a ligature in text fonts.
    "-": "{-}",
    "'": "{'}",
    "`": r"\textasciigrave{}",
}
_SPECIAL = re.compile("|".join(map(re.escape, _ESCAPES)))
_NUMBER = re.compile(r"(?<![\w.])-(?=\d)")


def escaped(text: str) -> str:
    """Return text that LaTeX sets as it stands: no character of it acts as a command."""
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], text)


def latex_grid(
    grid: Grid, notes: Sequence[str], bold: Container[tuple[int, int]], comment: str
) -> str:
    """Return a ``tabular``, and the notes as small paragraphs beneath.

    Args:
        grid: the table.
        notes: lines beneath it.
        bold: (line, column) of the cells whose text is bold.
        comment: stands at the top, on one line.
    """
    columns = "".join("r" if column.numeric else "l" for column in grid.columns)
    # A brace first: a row that began with [ or * would be read as an option of the line break.
    lines = [
        f"% {comment}",
        r"% needs \usepackage{booktabs}",
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
        r"\toprule",
        "{}" + " & ".join(escaped(column.title) for column in grid.columns) + r" \\",
        r"\midrule",
    ]
    for number, line in enumerate(grid.lines):
        cells = [
            _cell(cell, column.numeric, (number, place) in bold)
            for place, (cell, column) in enumerate(zip(line, grid.columns, strict=True))
        ]
        lines.append("{}" + " & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par{{\footnotesize\raggedright {{}}{escaped(note)}\par}}" for note in notes]
    return "\n".join(lines) + "\n"


def _cell(cell: Cell, numeric: bool, bold: bool) -> str:
    if not numeric:
        return escaped(f"{cell.text} ({cell.detail})" if cell.detail else cell.text)
    text = _number(cell.text)
    text = rf"\textbf{{{text}}}" if bold else text
    if cell.mark:
        text += "$^{*}$"
    return rf"{text} {{\scriptsize {_number(cell.detail)}}}" if cell.detail else text


def _number(text: str) -> str:
    """Return escaped text whose negative numbers have minus signs, not hyphens."""
    return "$-$".join(escaped(part) for part in _NUMBER.split(text))
