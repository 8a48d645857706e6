"""``kpframework plugins``: what is installed, what is wrong with it, what is in use; a new one.

None of these imports a plugin into its own process, except `show`, which imports the option model
of the one component it shows, and `check`, which runs the plugins it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kpframework.cli.output import echo, emit_json, table

if TYPE_CHECKING:
    from kpframework.plugins import PluginRecord

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
no_import_option = click.option(
    "--no-import",
    is_flag=True,
    help="Load nothing, not even in another process; show what metadata and earlier loads tell.",
)


@click.group("plugins", context_settings={"help_option_names": ["-h", "--help"]})
def command() -> None:
    """List, check, enable, disable and begin plugins.

    A plugin that is broken, slow or incompatible does not get in the way of these commands.
    """


@command.command("list")
@json_option
@no_import_option
def list_(as_json: bool, no_import: bool) -> None:
    """Show every installed plugin with its state and components."""
    from kpframework.cli.root import COMMANDS
    from kpframework.plugins.commands import offered
    from kpframework.plugins.discovery import scan
    from kpframework.plugins.survey import survey

    records = offered(survey(scan(), imports=not no_import), COMMANDS)
    if as_json:
        emit_json([record.as_json() for record in records])
        return
    if not records:
        echo("no plugin is installed; the built-in ones are: pip install 'kp-plugin-…'")
        return
    table(
        ("plugin", "distribution", "state", "components"),
        [(r.name, r.title, r.state, _components(r)) for r in records],
    )
    _remarks(records)


def _components(record: PluginRecord) -> str:
    kinds: dict[str, list[str]] = {}
    if record.command and record.state == "ok":
        kinds["command"] = [record.command]
    for component in record.components if record.usable else ():
        kinds.setdefault(component.kind, []).append(component.name)
    return "\n".join(f"{kind}: {', '.join(names)}" for kind, names in kinds.items())


def _remarks(records: Sequence[PluginRecord]) -> None:
    """Write reason and fix of whatever is not ok, and notes, below a table."""
    for record in records:
        if record.state != "ok":
            echo(f"{record.state}: {record.name} ({record.title})")
            echo(f"  {record.reason}")
            echo(f"  fix: {record.fix}")
        if record.note:
            echo(f"note: {record.name} ({record.title}): {record.note}")


@command.command()
@click.argument("name")
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one component in full: NAME, KIND/NAME or PLUGIN/NAME; or a plugin by its NAME."""
    from kpframework.cli.plugins_show import show_component_or_plugin

    show_component_or_plugin(name, as_json)


@command.command()
@click.argument("names", nargs=-1)
@json_option
@no_import_option
def doctor(names: tuple[str, ...], as_json: bool, no_import: bool) -> int:
    """Load plugins on trial, each in a process of its own, and say what is wrong and how to fix it.

    With NAMES, only those plugins. Exits with 3 if a plugin cannot be used.
    """
    from kpframework.cli.plugins_doctor import examine

    return examine(names, as_json, imports=not no_import)


@command.command()
@click.argument("names", nargs=-1, required=True)
@json_option
@click.option("--only", default="", help="Run the checks whose id holds this text.")
@click.option("--all", "every", is_flag=True, help="Show the checks that passed, too.")
def check(names: tuple[str, ...], as_json: bool, only: str, every: bool) -> int:
    """Run the conformance checks of plugins, named by plugin or distribution.

    What a plugin's components can be built with is what its hook kp_samples returns. Exits with 3
    if a check fails, or if there is none to run. The JSON is one that a badge can be made from.
    """
    from kpframework.cli.plugins_check import check_plugins

    return check_plugins(names, as_json, only, every)


@command.command()
@click.argument("kind", required=False)
@click.argument("name", required=False)
@click.option("--author", default="", help="Who writes it: 'Name' or 'Name <address>'.")
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    help="Folder in which the distribution's folder is made; the current one if not given.",
)
@json_option
def new(kind: str | None, name: str | None, author: str, directory: Path, as_json: bool) -> int:
    """Write a complete distribution kp-plugin-NAME with a component of a KIND to begin with.

    It works as it is: it installs, and passes its tests and the conformance checks. An argument
    that is missing is asked for where the input is a terminal. Nothing is overwritten.
    """
    from kpframework.cli.plugins_new import write_plugin

    return write_plugin(kind, name, author, directory, as_json)


@command.command()
@click.argument("names", nargs=-1, required=True)
def disable(names: tuple[str, ...]) -> None:
    """Stop using plugins, named by plugin or distribution."""
    from kpframework.plugins.switching import disable as switch_off

    _changed(switch_off(names), "disabled")


@command.command()
@click.argument("names", nargs=-1, required=True)
def enable(names: tuple[str, ...]) -> None:
    """Use plugins again that were disabled."""
    from kpframework.plugins.switching import enable as switch_on

    _changed(switch_on(names), "enabled")


def _changed(names: Sequence[str], how: str) -> None:
    echo(f"{how}: {', '.join(names)}" if names else f"nothing to do: already {how}")
