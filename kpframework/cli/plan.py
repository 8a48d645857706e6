"""``kpframework plan``: what a run would do."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("plan")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the spec."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(spec: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show the steps of SPEC and which of them are in the cache; run nothing."""
    from kpframework.cli.output import echo, emit_json
    from kpframework.plugins import load
    from kpframework.run.cache import Cache
    from kpframework.run.plan import make_plan
    from kpframework.run.runner import summary
    from kpframework.spec import load_spec

    plan = summary(make_plan(load_spec(spec, overrides, load())), Cache())
    if as_json:
        emit_json(plan)
        return
    width = max(len(step["name"]) for step in plan["steps"])
    for step in plan["steps"]:
        state = f"cached, took {step['seconds']:.1f} s" if step["cached"] else "to run"
        echo(f"{step['name']:<{width}}  {state}")
    todo = sum(not step["cached"] for step in plan["steps"])
    echo(f"\n{len(plan['steps'])} steps, {todo} to run; {plan['cells']} cells of the table")
