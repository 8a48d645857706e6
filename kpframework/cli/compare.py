"""``kpframework compare``: finished runs joined into one table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kpframework.report.compare_model import Run
    from kpframework.report.model import Estimate, Results, Row
    from kpframework.run.resamples import CellResamples, Place

_FORMATS = ("text", "md", "csv", "latex", "html", "json")


@click.command("compare")
@click.argument("runs", metavar="RUN…", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--baseline",
    metavar="ROW",
    help="Row the others are compared with, as ROW, RUN:ROW or RUN:ROW@HOST; the first run's "
    "own baseline without it.",
)
@click.option("--task", "tasks", multiple=True, metavar="ID", help="Show this task alone.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="Show this metric; each task's first one without it.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    help="Text without it, or what the ending of the -o file means.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a file instead.")
def command(
    runs: tuple[Path, ...],
    baseline: str | None,
    tasks: tuple[str, ...],
    metrics: tuple[str, ...],
    form: str | None,
    output: Path | None,
) -> None:
    """Join the tables of RUN… (run folders, or their results.json); nothing is run.

    Differences are paired, also between runs: over the same test examples and seeds. Where runs
    do not share them, a note says so. --task and --metric can be repeated.
    """
    from kpframework.cli.output import echo, warn
    from kpframework.report.compare import Choice, compare, labelled
    from kpframework.report.compare_formats import FORMATS, rendered, show_comparison
    from kpframework.report.page import write_whole

    found = _loaded(runs, warn)
    pairs = _Pairs()
    comparison = compare(labelled(found), Choice(tasks, metrics, baseline), pairs)
    if output is not None and form is None:
        ending = output.suffix.lower()
        form = next((name for name, own in FORMATS.items() if ending in own), None)
        if form is None:
            raise click.UsageError(f"no format has files named *{ending}; choose one with --format")
    if output is not None:
        write_whole(output, rendered(comparison, form or "text"), "-o FILE")
        echo(f"comparison  {output}")
    elif form in (None, "text"):
        show_comparison(comparison)
    else:
        echo(rendered(comparison, str(form)).removesuffix("\n"))
    if form == "csv":
        for note in comparison.notes:
            echo(note, err=True)


def _loaded(paths: Sequence[Path], warn: Any) -> list[tuple[Path, Results]]:
    from kpframework.report.model import load_results, load_results_file

    found: dict[Path, tuple[Path, Results]] = {}
    for path in paths:
        results = load_results_file(path) if path.is_file() else load_results(path)
        # A run's own results.json and its folder are one.
        folder = path.parent if path.is_file() and path.name == "results.json" else path
        if found.setdefault(folder.resolve(), (folder, results))[1] is not results:
            warn(f"{path} is given twice and shown once")
    return list(found.values())


class _Pairs:
    """Pairs rows by their runs' resamples, each read once."""

    def __init__(self) -> None:
        self._read: dict[Path, Mapping[Place, CellResamples] | str] = {}

    def __call__(
        self, run: Run, row: Row, other_run: Run, other: Row
    ) -> Mapping[str, Estimate] | str:
        own, beside = self._cell(run, row), self._cell(other_run, other)
        if isinstance(own, str):
            return own
        if isinstance(beside, str):
            return beside
        reason = own.obstacle(beside)
        if reason:
            return reason
        found: Any = own.difference(beside, run.results.get("confidence", 0.95))
        return found  # type: ignore[no-any-return]

    def _cell(self, run: Run, row: Row) -> CellResamples | str:
        """Return a row's resamples, or why there are none that can be trusted."""
        from kpframework.errors import KpError
        from kpframework.run.resamples import RESAMPLES_FILE, read_resamples

        if run.source not in self._read:
            try:
                self._read[run.source] = read_resamples(run.source)
            except KpError as error:
                self._read[run.source] = error.problems[0].message
        cells = self._read[run.source]
        if isinstance(cells, str):
            return cells
        if not cells:
            return f"{run.label} has no {RESAMPLES_FILE}; run its spec again to write it"
        cell = cells.get((row["injection"], row["host"], row["task"]))
        recorded = {name: own["mean"] for name, own in row.get("metrics", {}).items()}
        if cell is None or {name: own.mean for name, own in cell.metrics.items()} != recorded:
            return f"{RESAMPLES_FILE} and results.json of {run.label} are not of one run"
        return cell
