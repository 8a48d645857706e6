"""Sorts the ids of a file, and not its vectors."""

from pydantic import Field

from kpframework.api import ComponentConfig, Embeddings, EmbeddingTable, InputFile


class Config(ComponentConfig):
    """Where the files are."""

    path: InputFile = Field(description="The vectors.")
    ids: InputFile = Field(description="The ids.")


class Target(Embeddings):
    def compute(self, kb):
        import numpy as np

        with open(self.config.ids) as file:
            ids = sorted(file.read().split())
        vectors = np.load(self.config.path, allow_pickle=False)
        known = [row for row, own in enumerate(ids) if kb.row(own) is not None]
        return EmbeddingTable([ids[row] for row in known], vectors[known])
