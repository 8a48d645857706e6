"""The command; imports nothing heavy."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("sweep")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--space",
    "space_file",
    required=True,
    type=click.Path(path_type=Path),
    help="JSON, TOML or YAML file: a path of the spec -> float, int or categorical.",
)
@click.option("--row", required=True, help="Id of the injection that is to be best on dev.")
@click.option("--metric", help="Of the row's dev metrics; the task's first without it.")
@click.option("--task", help="Id of the task, where there are several.")
@click.option("--host", help="Id of the host, where there are several.")
@click.option(
    "--direction",
    type=click.Choice(["maximize", "minimize"]),
    default="maximize",
    show_default=True,
    help="What is better.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Trials in all, those of a sweep that is resumed included.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of the search.")
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value in every trial."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Folder; sweeps/NAME without it."
)
@click.option("--json", "as_json", is_flag=True, help="Print the sweep as JSON.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
def command(
    spec: Path,
    space_file: Path,
    row: str,
    metric: str | None,
    task: str | None,
    host: str | None,
    direction: str,
    trials: int,
    seed: int,
    overrides: tuple[str, ...],
    output: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Search the options of SPEC that make a row best on dev.

    Every trial is an ordinary run with other options, in a folder of its own. The same command
    resumes a sweep that was stopped, and with more --trials goes on with one that is done.
    """
    from kp_plugin_optuna.objective import Objective
    from kp_plugin_optuna.space import read_space
    from kp_plugin_optuna.sweep import Sweep
    from kp_plugin_optuna.table import show

    objective = Objective(row, metric, task, host, direction)
    space = read_space(space_file)
    sweep = Sweep(spec, space, objective, seed, overrides, output, quiet=quiet)
    sweep.run(trials)
    show(sweep.summary(), as_json)
