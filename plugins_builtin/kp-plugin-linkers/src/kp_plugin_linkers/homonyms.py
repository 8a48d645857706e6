"""Names that mean several entities."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kp_plugin_linkers.trigrams import normal
from kpframework.api import KnowledgeBase

Sense = tuple[str, float]
"""Entity id, and the prior of the name for it."""
_PAIR = np.dtype([("name", np.int64), ("entity", np.int64)])


def homonyms(kb: KnowledgeBase) -> Mapping[str, list[Sense]]:
    """Return the entities of each normal name that has several, the likeliest first.

    The names are read twice, so that only those with several entities are held in memory, and of
    the others at most 24 bytes each.
    """
    repeated = _repeated(kb)
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


def _repeated(kb: KnowledgeBase) -> set[int]:
    """Return the hashes of the normal names that have several entities."""
    hashes = ((hash(normal(name)), hash(entity)) for name, entity, _ in kb.names())
    pairs = np.fromiter(hashes, _PAIR)
    pairs.sort()
    before, after = pairs[:-1], pairs[1:]
    several = (before["name"] == after["name"]) & (before["entity"] != after["entity"])
    return set(after["name"][several].tolist())
