"""``kpframework lock``: pin versions, data and steps of a spec."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("lock")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="File to write; standard output without it.",
)
@click.option(
    "--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Change a value of the spec."
)
def command(spec: Path, output: Path | None, overrides: tuple[str, ...]) -> None:
    """Write what pins a run of SPEC: versions of plugins and packages, data hashes, step keys.

    Replay it with `kpframework run SPEC --lock FILE`.
    """
    from kpframework.cli.output import emit_json
    from kpframework.plugins import load
    from kpframework.run.cache import Cache
    from kpframework.run.execute import hash_files
    from kpframework.run.lock import make_lock
    from kpframework.run.plan import make_plan
    from kpframework.run.progress import Display
    from kpframework.run.record import write_json_atomic
    from kpframework.spec import load_spec

    plan = make_plan(load_spec(spec, overrides, load()))
    hash_files(plan.steps, Display())
    cache = Cache()
    finished = {step.name: cache.open(step) for step in plan.steps}
    manifests = {name: entry.manifest for name, entry in finished.items() if entry}
    metrics = {name: own.metrics for name, own in manifests.items()}
    made = {name: own.made_in for name, own in manifests.items()}
    lock = make_lock(plan.resolved, plan.steps, metrics, made)
    if output is None:
        emit_json(lock)
    else:
        write_json_atomic(output, lock)
        click.echo(f"{output}: {len(plan.steps)} steps, {len(lock['plugins'])} plugins", err=True)
