"""``kpframework run``: execute a spec and show its table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

_LISTED = 8
"""Most hosts and plugins named at the end of a run, each."""


@click.command("run")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the spec."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Run folder; runs/NAME without it.",
)
@click.option(
    "--lock", "lock_file", type=click.Path(path_type=Path), help="Refuse to run if it has moved."
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Independent steps made at once, each by a process with its share of the cores; on Linux "
    "and a CPU, elsewhere one after another.",
)
@click.option(
    "--verify",
    is_flag=True,
    help="Compare the steps that are reused with their checksums, not by their files' sizes alone.",
)
@click.option("--json", "as_json", is_flag=True, help="Print results.json instead of the table.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    spec: Path,
    overrides: tuple[str, ...],
    output: Path | None,
    lock_file: Path | None,
    jobs: int,
    verify: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run SPEC: train what is not in the cache, evaluate, and write table, page and plugins.

    A second run of the same spec reuses every finished step; a killed one goes on where it was.
    """
    from kpframework.cli.output import echo, emit_json, warn
    from kpframework.errors import KpError
    from kpframework.plugins import load
    from kpframework.report import show_table, write_report
    from kpframework.run.cache import Cache
    from kpframework.run.lock import read_lock
    from kpframework.run.progress import Display
    from kpframework.run.runner import run_spec
    from kpframework.spec import load_spec

    lock: dict[str, Any] | None = read_lock(lock_file) if lock_file else None
    resolved = load_spec(spec, overrides, load())
    folder = output or Path("runs") / resolved.spec.name
    results = run_spec(
        resolved,
        folder,
        Cache(),
        Display(enabled=not quiet),
        lock=lock,
        jobs=jobs,
        verify=verify,
        warn=warn,
        page=write_report,
    )
    page = folder / "report.html"
    if as_json:
        emit_json(results)
    else:
        show_table(results)
        echo(f"\npage     {page}\nresults  {folder / 'results.json'}")
        for kind in ("host", "plugin"):
            saved = results[f"{kind}s"]
            for name, path in list(saved.items())[:_LISTED]:
                echo(f"{kind:<8} {path}  ({name})")
            if len(saved) > _LISTED:
                echo(f"{'':<8} and {len(saved) - _LISTED} more in {folder / f'{kind}s'}")
    failed = [row for row in results["rows"] if row["status"] != "ok"]
    if failed:
        raise KpError(
            "KP511",
            f"{len(failed)} of {len(results['rows'])} cells of the table are missing:\n"
            + "\n".join(f"{row['injection']}: {row['error']}" for row in failed),
            "the same command tries them again and reuses the rest",
        )
