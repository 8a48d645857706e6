"""What a sweep prints: trials, the best first, and the command that runs the best."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

import click


def show(summary: Mapping[str, Any], as_json: bool) -> None:
    """Print a sweep to standard output."""
    if as_json:
        click.echo(json.dumps(summary, indent=2, ensure_ascii=False))
        return
    best = summary["best"]
    click.echo("trial  state     on dev  options")
    for own in summary["trials"]:
        value = "" if own["value"] is None else f"{own['value']:.4f}"
        mark = "*" if own is best else " "
        options = " ".join(own["overrides"])
        click.echo(f"{own['number']:>5}{mark} {own['state']:<9} {value:>6}  {options}")
    if best is None:
        click.echo("\nno trial has finished")
        return
    click.echo(f"\nbest: trial {best['number']}, {best['value']:.4f} on dev, {best['folder']}")
    click.echo(shlex.join(summary["command"]))
