"""A sound knowledge base."""

from kpframework.api import Entity, KBProvider, Triple

NAMES = {"T1": "Paris", "T2": "Lyon", "T3": "France"}


class Target(KBProvider):
    """Two towns and their country."""

    def entities(self):
        """Yield the three."""
        for key, name in NAMES.items():
            yield Entity(key, name)

    def triples(self):
        """Yield where the towns lie."""
        yield Triple("T1", "lies in", "T3")
        yield Triple("T2", "lies in", "T3")
