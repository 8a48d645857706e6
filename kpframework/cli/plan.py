"""``kpframework plan``: what a run would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click


@click.command("plan")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the spec."
)
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
def command(spec: Path, overrides: tuple[str, ...], as_json: bool) -> None:
    """Show the steps of SPEC, which of them are in the cache, and what they take; run nothing.

    Sizes of downloads, hosts, knowledge bases and tables of vectors are those that are known
    without any work. A model of the hub is not fetched.
    """
    from kpframework.cli.output import echo, emit_json
    from kpframework.plugins import load
    from kpframework.run.cache import Cache
    from kpframework.run.estimate import estimate
    from kpframework.run.execute import hash_files
    from kpframework.run.plan import make_plan
    from kpframework.run.progress import Display
    from kpframework.run.runner import summary
    from kpframework.spec import load_spec

    made, cache = make_plan(load_spec(spec, overrides, load())), Cache()
    hash_files(made.steps, Display())
    plan = {**summary(made, cache), "estimate": estimate(made, cache)}
    if as_json:
        emit_json(plan)
        return
    width = max(len(step["name"]) for step in plan["steps"])
    for step in plan["steps"]:
        state = f"cached, took {step['seconds']:.1f} s" if step["cached"] else "to run"
        echo(f"{step['name']:<{width}}  {state}")
    echo()
    for what, name, size in _takes(plan["estimate"]):
        echo(f"{what:<9} {name:<{width}}  {size}")
    todo = sum(not step["cached"] for step in plan["steps"])
    echo(f"\n{len(plan['steps'])} steps, {todo} to run; {plan['cells']} cells of the table")


def _takes(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield (what, its name, its size in words)."""
    for own in found["downloads"]:
        size = "nothing" if own["bytes"] == 0 else _mb(own["bytes"], "not known offline")
        yield "download", own["backbone"], size
    for own in found["hosts"]:
        size = _mb(own["bytes"], "known once it is here")
        yield "host", own["host"], size if own["bytes"] is None else f"{size} of weights"
    for own in found["kbs"]:
        size = "known once it is made"
        if own["source_bytes"]:
            size += f" of {_mb(own['source_bytes'])} of files"
        if own["bytes"] is not None:
            size = f"{_mb(own['bytes'])} on disk"
        counts = [f"{own[what]:,} {what}" for what in ("entities", "triples") if own[what]]
        yield "kb", own["step"], ", ".join([size, *counts])
    for own in found["tables"]:
        size = _mb(own["bytes"], "known once it is made")
        if own["bytes"] is not None:
            most = "" if own["measured"] else "at most "
            size = f"{most}{size} on disk, mapped"
            if own["rows"] is not None:  # a saved plugin's table is copied as it is
                size += f": {own['rows']:,} x {own['dim']}"
        yield "table", own["step"], size
    for kind, peak in found["peak"].items():
        if peak:
            yield "memory", kind, f"{_mb(peak)} at most, when the cached rows were trained"


def _mb(size: int | None, unknown: str = "") -> str:
    return unknown if size is None else f"{size / 1e6:,.1f} MB"
