"""Names that mean several entities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kp_plugin_linkers.trigrams import normal
from kpframework.api import KnowledgeBase

Sense = tuple[str, float]
"""Entity id, and the prior of the name for it."""


def homonyms(kb: KnowledgeBase) -> Mapping[str, list[Sense]]:
    """Return the entities of each normal name that has several, the likeliest first.

    The names are read twice, so that only those with several entities are held in memory, and of
    the others 16 bytes each.
    """
    pairs = np.array(
        [(hash(normal(name)), hash(entity)) for name, entity, _ in kb.names()], np.int64
    ).reshape(-1, 2)
    distinct = np.unique(pairs, axis=0)[:, 0]
    repeated = set(distinct[1:][distinct[1:] == distinct[:-1]].tolist())
    found: dict[str, dict[str, float]] = {}
    for name, entity, prior in kb.names():
        key = normal(name)
        if hash(key) in repeated:
            own = found.setdefault(key, {})
            own[entity] = max(prior, own.get(entity, 0.0))
    return {
        key: sorted(own.items(), key=lambda sense: (-sense[1], sense[0]))
        for key, own in found.items()
        if key and len(own) > 1
    }
