"""Loading plugins one by one: whatever one of them does, it is a record and not a crash."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import pluggy

from kpframework import hookspecs
from kpframework.component import Component
from kpframework.plugins.commands import import_command
from kpframework.plugins.discovery import scan
from kpframework.plugins.importing import describe, repair
from kpframework.plugins.lookup import did_you_mean
from kpframework.plugins.memory import recall
from kpframework.plugins.records import SLOW_SECONDS, PluginRecord
from kpframework.plugins.registry import Registry

HOOKS = tuple(name for name in vars(hookspecs) if name.startswith("kp_"))
HEAVY = ("torch", "transformers", "tensorflow")
"""Packages a declaring module must not import."""

_log = logging.getLogger(__name__)


def load(safe_mode: bool = False) -> Registry:
    """Return the components of all installed plugins that are enabled and compatible.

    None is imported: its declarations are remembered from when it was first loaded, in another
    process, and its code is imported when a component or a hook of it is used. One that fails,
    hangs or ends its process becomes a record in `Registry.plugins`, and an error only where it is
    needed.

    Args:
        safe_mode: use no plugin at all.

    Raises:
        KpError: the settings file cannot be read (KP207).
    """
    records, unknown = recall(scan(safe_mode))
    fresh: dict[tuple[str, str], PluginRecord] = {}
    if missing := [r for r in unknown if r.module]:
        from kpframework.plugins.probing import probe

        for record in probe(missing):
            # What loaded there is imported here when it is used, as what is remembered.
            fresh[record.identity] = replace(record, cached=record.state == "ok")
            if record.note:
                _log.warning("plugin %r of %r: %s", record.name, record.distribution, record.note)
    return Registry((fresh.get(r.identity, r) for r in records), Loader())


class Loader:
    """Imports and registers plugins in one `pluggy.PluginManager`, each in isolation."""

    def __init__(self) -> None:
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)

    def load(self, record: PluginRecord) -> PluginRecord:
        """Import the plugin, check its hooks and its command, and ask for its components.

        Returns:
            The record with its components and hooks; or with the state ``broken``, a reason and a
            fix. Exceptions of the plugin are caught, ``SystemExit`` included.
        """
        heavy_before = set(HEAVY) & sys.modules.keys()
        start = time.perf_counter()
        try:
            with contextlib.redirect_stdout(sys.stderr):
                module = import_module(record.module) if record.module else None
                if record.command_module:
                    import_command(record)
            seconds = time.perf_counter() - start
            components: tuple[Component, ...] = ()
            if module is not None:
                self._register(module, record)
                components = self._components(record)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self._forget(record)
            return replace(
                record,
                state="broken",
                reason=describe(error),
                fix=repair(error, record.name, record.distribution),
            )
        heavy = sorted(set(HEAVY) & sys.modules.keys() - heavy_before)
        return replace(
            record,
            components=components,
            hooks=tuple(name for name in HOOKS if hasattr(module, name)),
            note=_slow(seconds, heavy),
        )

    def _register(self, module: object, record: PluginRecord) -> None:
        if self._manager.has_plugin(record.key):
            return
        self._manager.register(module, record.key)
        unknown = [
            name
            for name in vars(module)
            if name.startswith("kp_")
            and name not in HOOKS
            and self._manager.parse_hookimpl_opts(module, name) is not None
        ]
        if unknown:
            raise LookupError(
                f"no hook is named {unknown[0]!r}.{did_you_mean(unknown[0], list(HOOKS))}"
            )
        self._manager.check_pending()

    def _forget(self, record: PluginRecord) -> None:
        plugin = self._manager.get_plugin(record.key)
        if plugin is not None:
            self._manager.unregister(plugin)

    def _components(self, record: PluginRecord) -> tuple[Component, ...]:
        components = tuple(c for result in self.call(record, "kp_components") for c in result)
        seen: set[tuple[str, str]] = set()
        for component in components:
            if not isinstance(component, Component):
                raise TypeError(f"kp_components returned {component!r}, which is no Component")
            if (component.kind, component.name) in seen:
                raise ValueError(f"{component.kind} {component.name!r} is declared twice")
            seen.add((component.kind, component.name))
            # Declarations are remembered as JSON.
            json.dumps(dict(component.capabilities))
        return components

    def call(self, record: PluginRecord, hook: str, **kwargs: Any) -> list[Any]:
        """Call one hook of one loaded plugin alone; raises what the plugin raises.

        Returns:
            The results that are not None: none or one. A generator is run to its end.
        """
        others = [plugin for name, plugin in self._manager.list_name_plugin() if name != record.key]
        caller = self._manager.subset_hook_caller(hook, remove_plugins=others)
        results = caller(**kwargs)
        return [list(r) if isinstance(r, Iterator) else r for r in results]


def _slow(seconds: float, heavy: list[str]) -> str:
    if seconds <= SLOW_SECONDS and not heavy:
        return ""
    note = f"slow import: {seconds:.1f} s"
    if heavy:
        note += f" (imports {', '.join(heavy)} to declare its components)"
    return note
