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
    from kpframework.errors import Problem

PLAIN_WIDTH = 120
"""Characters of a table's line where the output is no terminal."""


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


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to stdout; cells are shown as text, never as markup."""
    from kpframework.cli.grid import grid, terminal_width

    width = terminal_width() if _stream(err=False).isatty() else PLAIN_WIDTH
    safe = [[safe_text(cell).expandtabs(4) for cell in row] for row in rows]
    head, *lines = grid(columns, safe, width)
    sys.stdout.write((f"\x1b[1m{head}\x1b[0m" if color() else head) + "\n")
    for line in lines:
        echo(line)
