"""``kpframework plugins show``: one component, or one plugin, in full."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from kpframework.cli.output import echo, emit_json, table
from kpframework.component import KINDS
from kpframework.errors import KpError, PluginError
from kpframework.plugins import PluginRecord, RegisteredComponent, Registry, load, option_rows
from kpframework.plugins.lookup import did_you_mean


def show_component_or_plugin(name: str, as_json: bool) -> None:
    """Print what ``name`` stands for: a component, else a plugin.

    Raises:
        KpError: it stands for nothing, or for several components (KP201, KP203, KP204, KP205).
    """
    registry = load()
    components = _components(registry, name)
    plugins = [p for p in registry.plugins if name in (p.name, p.distribution)]
    if not components and not plugins:
        raise _unknown(registry, name)
    if as_json:
        found = [_component_json(registry, c) for c in components] or [p.as_json() for p in plugins]
        emit_json(found[0] if len(found) == 1 else found)
        return
    for component in components:
        _show_component(registry, component)
    for plugin in () if components else plugins:
        _show_plugin(plugin)


def _components(registry: Registry, name: str) -> list[RegisteredComponent]:
    first, _, rest = name.partition("/")
    if rest and first in KINDS:
        return [registry.get(first, rest)]
    if rest:
        return [c for c in registry.components() if c.qualified == name]
    return [c for c in registry.components() if c.name == name]


def _unknown(registry: Registry, name: str) -> KpError:
    known = sorted(
        {c.name for c in registry.components()}
        | {f"{c.kind}/{c.name}" for c in registry.components()}
        | {p.name for p in registry.plugins}
    )
    return PluginError(
        "KP205",
        f"no component and no plugin is named {name!r}.{did_you_mean(name, known)}",
        "kpframework plugins list",
    )


def _component_json(registry: Registry, found: RegisteredComponent) -> dict[str, Any]:
    return {
        "kind": found.kind,
        "name": found.name,
        "qualified": found.qualified,
        "distribution": found.distribution,
        "version": found.version,
        "summary": found.component.summary,
        "reference": found.component.reference,
        "capabilities": dict(found.component.capabilities),
        "options": [asdict(row) for row in option_rows(registry.load_config(found))],
    }


def _show_component(registry: Registry, found: RegisteredComponent) -> None:
    component = found.component
    options = option_rows(registry.load_config(found))
    echo(f"{found.kind}/{found.name}: {component.summary}")
    echo(f"  from       {found.distribution} {found.version}, qualified name {found.qualified}")
    if component.reference:
        echo(f"  reference  {component.reference}")
    for key, value in component.capabilities.items():
        echo(f"  declares   {key} = {value}")
    if not options:
        echo("  options    none")
        return
    table(
        ("option", "type", "default", "description"),
        [
            (r.name, r.type, "(required)" if r.required else r.default, r.description)
            for r in options
        ],
    )


def _show_plugin(plugin: PluginRecord) -> None:
    echo(f"{plugin.name}: {plugin.title}, {plugin.state}")
    modules = ", ".join(name for name in (plugin.module, plugin.command_module) if name)
    echo(f"  module     {modules} in {plugin.location}")
    echo(f"  needs      kpframework {plugin.core_range or '(no range declared)'}")
    for label, text in (("reason", plugin.reason), ("fix", plugin.fix), ("note", plugin.note)):
        if text:
            echo(f"  {label:<9}  {text}")
    if plugin.command:
        echo(f"  command    kpframework {plugin.command}")
    for component in plugin.components:
        echo(f"  {component.kind}/{component.name}: {component.summary}")
