"""``kpframework plugins new``: a distribution to begin with, and what to do next."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpframework.cli.output import echo, emit_json, warn
from kpframework.component import KINDS
from kpframework.scaffold import new_plugin, write_distribution
from kpframework.scaffold.render import rendered, spec_snippet

if TYPE_CHECKING:
    from kpframework.scaffold import Plugin


def write_plugin(kind: str | None, name: str | None, author: str, parent: Path, json_: bool) -> int:
    """Write a distribution and print what to do next; return the exit code.

    Args:
        kind: of the component; None asks for it.
        name: of plugin and component; None asks for it.
        author: as `new_plugin` takes it.
        parent: folder in which the distribution's folder is made.
        json_: print JSON, and ask for nothing.

    Raises:
        SpecError: kind or name cannot be used (KP214), the folder cannot be written (KP215).
        click.UsageError: an argument is missing, and there is nobody to ask.
    """
    kind = kind or _ask("KIND", f"Kind ({', '.join(KINDS)})", json_)
    plugin = new_plugin(kind, name or _ask("NAME", "Name, such as my-mapper", json_), author)
    folder = parent / plugin.distribution
    texts = rendered(plugin)
    write_distribution(folder, texts)
    warnings = list(_taken(plugin))
    commands = [
        f"cd {shlex.quote(str(folder))}",
        "pip install -e '.[test]'",
        "pytest",
        f"kpframework plugins check {plugin.name}",
    ]
    snippet = spec_snippet(plugin)
    if json_:
        emit_json(
            {
                "kind": plugin.kind,
                "name": plugin.name,
                "distribution": plugin.distribution,
                "folder": str(folder),
                "files": sorted(texts),
                "next": commands,
                "spec": snippet,
                "warnings": warnings,
            }
        )
        return 0
    for text in warnings:
        warn(text)
    echo(f"{folder}: {len(texts)} files, the component is in {_component(plugin)}")
    echo("\nnext:")
    for command in commands:
        echo(f"  {command}")
    echo("\nin a spec, laid on one of yours:")
    echo("  " + json.dumps(snippet, indent=2).replace("\n", "\n  "))
    return 0


def _component(plugin: Plugin) -> str:
    return f"src/{plugin.module}/{plugin.kind}.py"


def _ask(what: str, question: str, json_: bool) -> str:
    if json_ or not sys.stdin.isatty():
        raise click.UsageError(f"Missing argument '{what}'.", click.get_current_context())
    return str(click.prompt(question, err=True)).strip()


def _taken(plugin: Plugin) -> Iterator[str]:
    """Yield what is installed under the names that the new plugin has."""
    from kpframework.plugins.discovery import scan
    from kpframework.plugins.survey import survey

    for record in survey(scan()):
        if record.distribution == plugin.distribution:
            yield f"{record.title} is installed already: installing the new one replaces it"
        elif any((c.kind, c.name) == (plugin.kind, plugin.name) for c in record.components):
            yield (
                f"{record.title} offers {plugin.kind} {plugin.name!r}, too: where both are "
                f"installed, specs have to write {plugin.name}/{plugin.name}"
            )
        elif record.name == plugin.name:
            yield f"the plugin of {record.title} is called {plugin.name!r}, too"
