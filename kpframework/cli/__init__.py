"""The command line: a table of commands whose modules are imported when they are used."""

from __future__ import annotations

from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code."""
    from kpframework.cli.root import run

    raise SystemExit(run(arguments))
