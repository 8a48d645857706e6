"""Tables of plain text for a terminal.

Not by rich: importing it takes longer than listing the plugins.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence

from kpframework.safe import cell_width

GAP = 2
"""Spaces between two columns."""
LEAST = 8
"""A column is not made narrower than this for the others' sake."""


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Return the lines of a table: heads, a rule, and the rows.

    Args:
        columns: their heads.
        rows: cells, which may hold several lines; each is folded where it is too long.
        width: characters a line may have; the widest columns give way first.
    """
    cells = [columns, *rows]
    widths = _fitted([max(map(_cell_width, column)) for column in zip(*cells, strict=True)], width)
    head, *body = [list(_lines(row, widths)) for row in cells]
    rule = "─" * (sum(widths) + GAP * (len(widths) - 1))
    return [*head, rule, *(line for row in body for line in row)]


def terminal_width() -> int:
    """Return how many characters fit into a line of the terminal."""
    return shutil.get_terminal_size().columns


def _fitted(widths: list[int], width: int) -> list[int]:
    room = width - GAP * (len(widths) - 1)
    while sum(widths) > room and max(widths) > LEAST:
        widest = max(range(len(widths)), key=lambda i: widths[i])
        widths[widest] -= 1
    return widths


def _lines(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    folded = [list(_folded(cell, width)) for cell, width in zip(row, widths, strict=True)]
    for i in range(max(map(len, folded))):
        parts = (cell[i] if i < len(cell) else "" for cell in folded)
        padded = (p + " " * (w - cell_width(p)) for p, w in zip(parts, widths, strict=True))
        yield (" " * GAP).join(padded).rstrip()


def _folded(cell: str, width: int) -> Iterator[str]:
    """Yield the lines of a cell, broken at spaces where possible."""
    for line in cell.split("\n"):
        rest = line
        while cell_width(rest) > width:
            cut = _fitting(rest, width)
            space = rest.rfind(" ", 0, cut + 1)
            cut = space if space > 0 else cut
            yield rest[:cut].rstrip()
            rest = rest[cut:].lstrip()
        yield rest


def _fitting(text: str, width: int) -> int:
    """Return how many characters of a text fit into a width, at least one."""
    used = 0
    for i, character in enumerate(text):
        used += cell_width(character)
        if used > width:
            return max(1, i)
    return len(text)


def _cell_width(cell: str) -> int:
    return max(map(cell_width, cell.split("\n")))
