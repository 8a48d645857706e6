"""Returns vectors of entities that the knowledge base does not have."""

from kpframework.api import EmbeddingTable

from .sound import Target as Sound


class Target(Sound):
    def compute(self, kb):
        table = super().compute(kb)
        return EmbeddingTable([f"http://{own}" for own in table.ids], table.vectors)
