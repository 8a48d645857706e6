"""The components of an environment, looked up by kind and name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from kpframework.component import KINDS
from kpframework.errors import PluginError
from kpframework.plugins.importing import import_class
from kpframework.plugins.lookup import unknown_component
from kpframework.plugins.memory import holds
from kpframework.plugins.records import PluginRecord, RegisteredComponent

if TYPE_CHECKING:
    from kpframework.api import ComponentConfig


class Loads(Protocol):
    """What a registry needs to bring a plugin into this process."""

    def load(self, record: PluginRecord) -> PluginRecord:
        """Import and register the plugin; the result says how it went."""

    def call(self, record: PluginRecord, hook: str, **kwargs: Any) -> list[Any]:
        """Call one hook of one loaded plugin alone; raises what the plugin raises."""


class Registry:
    """Components by kind and name; get one from `kpframework.plugins.load`."""

    def __init__(self, records: Iterable[PluginRecord], loader: Loads) -> None:
        self._loader = loader
        self._given = sorted(records, key=lambda r: r.key)
        self.plugins: list[PluginRecord] = []
        """Every installed plugin with its state, sorted by distribution and entry point."""
        self._index()

    def _index(self) -> None:
        self.plugins = with_conflicts(self._given)
        self._providers: dict[tuple[str, str], list[RegisteredComponent]] = defaultdict(list)
        for record in self.plugins:
            if record.usable:
                for component in record.components:
                    self._providers[component.kind, component.name].append(
                        RegisteredComponent(
                            component, record.name, record.distribution, record.version
                        )
                    )

    def components(self, kind: str | None = None) -> list[RegisteredComponent]:
        """Return all components that can be used, sorted by kind, name and provider."""
        found = [c for group in self._providers.values() for c in group]
        return sorted(
            (c for c in found if kind in (None, c.kind)),
            key=lambda c: (KINDS.index(c.kind), c.name, c.qualified),
        )

    def names(self, kind: str) -> list[str]:
        """Return the names a spec may use: short where unique, else qualified."""
        return [
            c.name if len(self._providers[c.kind, c.name]) == 1 else c.qualified
            for c in self.components(kind)
        ]

    def get(self, kind: str, name: str) -> RegisteredComponent:
        """Return a component by its short or qualified (``plugin/name``) name.

        Raises:
            PluginError: two plugins offer the short name (KP203), or the plugin that offers it is
                installed but not in use (KP204).
            SpecError: no installed plugin offers it (KP201).
        """
        found = self._find(kind, name)
        if not found and self._retry_remembered_failures():
            found = self._find(kind, name)
        if len(found) == 1:
            return found[0]
        if found:
            raise _conflict(kind, name, found)
        raise unknown_component(kind, name, self.components(), self.plugins)

    def _find(self, kind: str, name: str) -> list[RegisteredComponent]:
        plugin, _, short = name.rpartition("/")
        found = self._providers.get((kind, short), [])
        if not plugin:
            return found
        return [c for c in found if plugin == c.plugin] or [
            c for c in found if plugin == c.distribution
        ]

    def _retry_remembered_failures(self) -> bool:
        """Try plugins that failed in an earlier process again: a memory is no evidence.

        One that was not loaded in time waits until its files change, or ``plugins doctor``: else
        every mistyped name would take as long.
        """
        failed = [r for r in self._given if r.state == "broken" and r.cached]
        failed = [r for r in failed if not (r.hung and holds(r))]
        if not failed:
            return False
        from kpframework.plugins.probing import retry

        for record in retry(failed):
            self._put(replace(record, cached=record.state == "ok"))
        return True

    def _put(self, record: PluginRecord) -> None:
        self._given = [record if r.identity == record.identity else r for r in self._given]
        self._index()

    def load_target(self, registered: RegisteredComponent) -> type[Any]:
        """Import and return the class that does the component's work.

        Raises:
            PluginError: its code cannot be imported (KP206).
        """
        return import_class(registered, registered.component.target)

    def load_config(self, registered: RegisteredComponent) -> type[ComponentConfig]:
        """Import and return the pydantic model of the component's options.

        Raises:
            PluginError: it cannot be imported, or is no `ComponentConfig` (KP206).
        """
        from kpframework.api.config import ComponentConfig

        return import_class(registered, registered.component.config, ComponentConfig)

    def call(self, hook: str, *, only: str = "", **kwargs: Any) -> list[tuple[str, Any]]:
        """Call a hook of one plugin after the other.

        Args:
            hook: its name.
            only: name of the one plugin that is called; empty calls all.
            kwargs: arguments of the hook.

        Returns:
            (plugin name, result) of every plugin that implements it and returned something; where
            one raised, the exception is the result.
        """
        results: list[tuple[str, Any]] = []
        for record in list(self._given):
            if not record.usable or hook not in record.hooks or only not in ("", record.name):
                continue
            if record.cached:
                fresh = self._loader.load(replace(record, cached=False))
                self._put(fresh)
                if not fresh.usable:
                    error = PluginError("KP204", f"{fresh.title}: {fresh.reason}", fresh.fix)
                    results.append((record.name, error))
                    continue
            results += [
                (record.name, result)
                for result in guarded(self._loader.call, record, hook, **kwargs)
            ]
        return results


def guarded(function: Callable[..., list[Any]], *args: Any, **kwargs: Any) -> Sequence[Any]:
    """Call a plugin's code; return what it raised, ``SystemExit`` included, as the one result."""
    try:
        return function(*args, **kwargs)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return [error]


def with_conflicts(records: Iterable[PluginRecord]) -> list[PluginRecord]:
    """Return the records with the state ``conflict`` where two offer one short name."""
    records = list(records)
    providers: dict[tuple[str, str], list[PluginRecord]] = defaultdict(list)
    for record in records:
        if record.state == "ok":
            for component in record.components:
                providers[component.kind, component.name].append(record)
    reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
    fixes: dict[tuple[str, str], str] = {}
    for (kind, name), group in providers.items():
        for record in group if len(group) > 1 else ():
            others = [r for r in group if r is not record]
            titles = " and ".join(f"{r.title} ({r.name}/{name})" for r in others)
            reasons[record.identity].append(f"{kind} {name!r} is also offered by {titles}")
            fixes[record.identity] = (
                f"write {record.name}/{name} or {others[0].name}/{name} in the spec, or: "
                f"kpframework plugins disable {others[0].name} (or {record.name})"
            )
    return [
        replace(r, state="conflict", reason="; ".join(reasons[r.identity]), fix=fixes[r.identity])
        if r.identity in reasons
        else r
        for r in records
    ]


def _conflict(kind: str, name: str, found: Sequence[RegisteredComponent]) -> PluginError:
    who = " and ".join(f"{c.distribution} {c.version}" for c in found)
    choice = " or ".join(repr(c.qualified) for c in found)
    return PluginError(
        "KP203",
        f"{kind} {name!r} is offered by {who}",
        f"write {choice}, or: kpframework plugins disable {found[0].plugin} (or {found[1].plugin})",
    )
