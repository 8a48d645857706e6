"""Has a row more than ids."""

from types import SimpleNamespace

from .sound import Target as Sound


class Target(Sound):
    def compute(self, kb):
        table = super().compute(kb)
        return SimpleNamespace(ids=table.ids[:-1], vectors=table.vectors, metrics={})
