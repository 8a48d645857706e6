"""The one way to the terminal: text from anywhere is made harmless before it is shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from kpframework.safe import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from kpframework.errors import Problem


def prepare() -> None:
    """Let characters a stream cannot encode be escaped, so that no output fails for them."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _stream(err: bool) -> TextIO:
    return sys.stderr if err else sys.stdout


def echo(text: str = "", err: bool = False) -> None:
    """Write a line to stdout, or to stderr."""
    stream = _stream(err)
    stream.write(safe_text(text) + "\n")
    stream.flush()


def emit_json(value: Any) -> None:
    """Write a JSON document to stdout, in ASCII, so that it is safe to show and to pipe."""
    text = json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False)
    echo(text.replace("\x7f", "\\u007f"))


def error(problem: Problem) -> None:
    """Write one problem to stderr."""
    first, _, rest = problem.render().partition("\n")
    if color(err=True):
        # Styled after escaping: the codes are ours, the text is not.
        name, _, place = safe_text(first).partition(":")
        sys.stderr.write(f"\x1b[1;31m{name}\x1b[0m:{place}\n")
    else:
        echo(first, err=True)
    if rest:
        echo(rest, err=True)


def problems(found: Sequence[Problem]) -> None:
    """Write problems to stderr, with their number where there are several."""
    for problem in found:
        error(problem)
    if len(found) > 1:
        echo(f"{len(found)} errors", err=True)


def warn(text: str) -> None:
    """Write a warning to stderr."""
    echo(f"warning: {text}", err=True)


def color(err: bool = False) -> bool:
    """Whether to style what goes to stdout or stderr: a terminal, and no ``NO_COLOR``."""
    return (
        not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") != "dumb"
        and _stream(err).isatty()
    )


def console(err: bool = False) -> Console:
    """Return a rich console for tables and progress bars; pass texts through `safe_text` first."""
    from rich.console import Console

    wide = None if _stream(err).isatty() else 120
    return Console(
        stderr=err, no_color=not color(err), highlight=False, markup=False, emoji=False, width=wide
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout; cells are shown as text, never as markup."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(safe_text(cell)) for cell in row))
    console().print(grid)
