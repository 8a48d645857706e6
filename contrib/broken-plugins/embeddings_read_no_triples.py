"""Reads names alone, and does not say so: leakage control would be claimed and change nothing."""

import numpy as np

from kpframework.api import Embeddings, EmbeddingTable


class Target(Embeddings):
    """A vector of the letters of a name."""

    def compute(self, kb):
        """Count the letters."""
        entities = [(own.id, own.name) for own in kb.entities()]
        vectors = np.array([[len(name), name.count("a"), 1] for _, name in entities], np.float32)
        return EmbeddingTable([own for own, _ in entities], vectors)
