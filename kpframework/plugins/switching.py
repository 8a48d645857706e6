"""Enabling and disabling plugins; nothing of theirs is imported."""

from __future__ import annotations

from collections.abc import Sequence

from kpframework.errors import PluginError, Problem
from kpframework.plugins.discovery import scan
from kpframework.plugins.lookup import did_you_mean
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.settings import disabled_plugins, write_disabled


def select(records: Sequence[PluginRecord], names: Sequence[str]) -> list[PluginRecord]:
    """Return the plugins named by plugin or distribution.

    Raises:
        PluginError: a name is neither (KP205).
    """
    chosen, problems = [], []
    for name in names:
        matching = [r for r in records if name == r.name] or [
            r for r in records if name in (r.key, r.distribution)
        ]
        chosen += matching
        if not matching:
            known = sorted({n for r in records for n in (r.name, r.distribution)})
            problems.append(
                Problem(
                    "KP205",
                    f"no installed plugin is named {name!r}.{did_you_mean(name, known)}",
                    "kpframework plugins list",
                )
            )
    if problems:
        raise PluginError.of(problems)
    return list({r.identity: r for r in chosen}.values())


def disable(names: Sequence[str]) -> list[str]:
    """Disable plugins, named by plugin or distribution; return the names of those that changed.

    Raises:
        KpError: a name is unknown (KP205), or the settings cannot be read or written (KP207).
    """
    before = disabled_plugins()
    chosen = select(scan(), names)
    write_disabled(before | {r.key for r in chosen})
    return sorted({r.name for r in chosen if r.key not in before})


def enable(names: Sequence[str]) -> list[str]:
    """Undo `disable`; plugins that are no longer installed are named ``distribution:plugin``.

    Raises:
        KpError: as `disable`.
    """
    before = disabled_plugins()
    gone = {name for name in names if name in before}
    chosen = select(scan(), [name for name in names if name not in gone])
    keys = gone | {r.key for r in chosen}
    write_disabled(before - keys)
    return sorted(gone | {r.name for r in chosen if r.key in before})
