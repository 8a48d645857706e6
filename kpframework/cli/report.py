"""``kpframework report``: show a finished run again."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("report")
@click.argument("run_folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="The page; report.html without it."
)
def command(run_folder: Path, as_json: bool, output: Path | None) -> None:
    """Show the table of RUN_FOLDER and write its page anew; nothing is run.

    With --json a page is written only where -o names one.
    """
    from kpframework.cli.output import echo, emit_json
    from kpframework.report import load_results, show_table, write_page
    from kpframework.report.page import PAGE_FILE

    results = load_results(run_folder)
    if as_json:
        if output:
            write_page(results, output)
        emit_json(results)
        return
    page = write_page(results, output or run_folder / PAGE_FILE)
    show_table(results)
    echo(f"\npage     {page}")
