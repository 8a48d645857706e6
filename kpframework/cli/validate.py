"""``kpframework validate``: is a spec right, and what does it say in full?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kpframework.spec import ResolvedSpec


@click.command("validate")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="PATH=VALUE",
    help="Change a value: injections.map.mapper.hidden=512. Items of a list are named by id.",
)
@click.option("--fill", is_flag=True, help="Print the spec with every default written out.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(spec: Path, overrides: tuple[str, ...], fill: bool, as_json: bool) -> None:
    """Check SPEC against its format and the installed plugins; nothing is run.

    Every problem is shown at once, each with its place, a suggestion and a code.
    """
    from kpframework.cli.output import echo, emit_json
    from kpframework.run.preflight import preflight
    from kpframework.spec import load_spec

    resolved = load_spec(spec, overrides)
    preflight(resolved)
    if fill:
        emit_json(resolved.filled())
    elif as_json:
        source = str(resolved.source)
        emit_json({"valid": True, "source": source, "counts": counts(resolved)})
    else:
        words = ", ".join(_counted(n, word) for word, n in counts(resolved).items() if n)
        echo(f"{spec} is valid: {words}")


def counts(resolved: ResolvedSpec) -> dict[str, int]:
    """Return how many of each section a spec has."""
    spec = resolved.spec
    return {
        "knowledge": len(spec.knowledge),
        "corpora": len(spec.corpora),
        "tasks": len(spec.tasks),
        "hosts": len(spec.hosts),
        "injections": len(spec.injections),
        "seeds": len(spec.seeds),
    }


_ONE = {"corpora": "corpus"}


def _counted(n: int, word: str) -> str:
    return f"{n} {_ONE.get(word, word.removesuffix('s')) if n == 1 else word}"
