"""Commands that plugins add to the command line: one module of each is imported, on use."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kpframework.plugins.records import PluginRecord


def offered(records: Iterable[PluginRecord], taken: Collection[str]) -> list[PluginRecord]:
    """Return the records with the state ``conflict`` where a command's name is not its alone.

    Args:
        records: of all plugins.
        taken: the names of the commands of kpframework itself.
    """
    records = list(records)
    return [_judged(record, records, taken) for record in records]


def _judged(
    record: PluginRecord, records: Sequence[PluginRecord], taken: Collection[str]
) -> PluginRecord:
    name = record.command
    if record.state != "ok" or not name:
        return record
    others = [r for r in records if r.command == name and r.state == "ok" and r is not record]
    if not others and name not in taken:
        return record
    owners = [r.title for r in others] or ["kpframework itself"]
    return replace(
        record,
        state="conflict",
        reason=f"the command {name!r} is also offered by {' and '.join(owners)}",
        fix=f"kpframework plugins disable {record.name}",
    )


def find_command(records: Iterable[PluginRecord], name: str, taken: Collection[str]) -> Any:
    """Import and return a plugin's click command; None if no installed plugin offers the name.

    Raises:
        PluginError: the plugin that offers it is not in use or cannot be loaded (KP204), or two
            offer it (KP203).
    """
    from kpframework.errors import PluginError
    from kpframework.plugins.importing import describe, repair

    found = [r for r in offered(records, taken) if r.command == name and r.state != "shadowed"]
    for record in found:
        if record.state == "ok":
            try:
                return import_command(record)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise PluginError(
                    "KP204",
                    f"the command {name!r} of {record.title} cannot be loaded: {describe(error)}",
                    repair(error, record.name, record.distribution),
                ) from error
    if found:
        code = "KP203" if found[0].state == "conflict" else "KP204"
        told = "\n".join(f"{r.title} is installed but {r.state}: {r.reason}" for r in found)
        fixes = "\n".join(dict.fromkeys(r.fix for r in found))
        raise PluginError(code, f"the command {name!r} cannot be used.\n{told}", fixes)
    return None


def import_command(record: PluginRecord) -> Any:
    """Import and return the click command of a plugin; raises what its module raises.

    Raises:
        TypeError: its module has no click command of the name ``command``.
    """
    import click

    command = getattr(import_module(record.command_module), "command", None)
    if not isinstance(command, click.Command):
        raise TypeError(f"{record.command_module}.command is no click command")
    return command
