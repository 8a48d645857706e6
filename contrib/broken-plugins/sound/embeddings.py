"""Sound entity embeddings: vectors drawn from the seed, others for other triples."""

import numpy as np

from kpframework.api import Embeddings, EmbeddingTable


class Target(Embeddings):
    """One random vector an entity."""

    def compute(self, kb):
        """Draw the vectors."""
        generator = np.random.default_rng([self.context.seed, *kb.triples.sum(0).tolist()])
        ids = list(kb.entity_ids)
        return EmbeddingTable(ids, self.draw(generator, len(ids)))

    def draw(self, generator, count):
        """Return the matrix."""
        return generator.standard_normal((count, 6)).astype(np.float32)
