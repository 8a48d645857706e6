"""The state of all plugins for commands that must stay quick and import none of them."""

from __future__ import annotations

from collections.abc import Sequence

from kpframework.plugins.memory import recall
from kpframework.plugins.records import PluginRecord
from kpframework.plugins.registry import with_conflicts


def survey(records: Sequence[PluginRecord], imports: bool = True) -> list[PluginRecord]:
    """Return scanned records with their final state, components and conflicts.

    Args:
        records: what `kpframework.plugins.discovery.scan` returned.
        imports: load what is not remembered, in another process; else leave it be.
    """
    known, unknown = recall(records)
    if not imports or not unknown:
        return with_conflicts(known)
    from kpframework.plugins.probing import probe

    fresh = {r.identity: r for r in probe(unknown)}
    return with_conflicts(fresh.get(r.identity, r) for r in known)
