"""The denoising entity auto-encoder (dEA): which entity stands at a token, from its state alone."""

from __future__ import annotations

import torch

from kpframework.api import CorpusBatch, Corruption, own_generators

CORRUPTION = Corruption(replace=0.05, drop=0.15)
"""Zhang et al., ACL 2019 (arXiv 1905.07129): of the aligned tokens 5 % take another entity of the
batch, 15 % lose theirs, 80 % keep it."""


class EntityDecoder(torch.nn.Module):
    """A token's state, transformed to the entities' width and compared with entity vectors.

    Zhang et al., ACL 2019; the transform is a linear map, GELU and a layer norm, as in their code.

    Args:
        width: of a token's state.
        dim: of an entity vector.
    """

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.dense = torch.nn.Linear(width, dim)
        self.norm = torch.nn.LayerNorm(dim, eps=1e-12)

    def forward(self, states: torch.Tensor, candidates: torch.Tensor) -> torch.Tensor:
        """Return scores: (n, width) and (entities, dim) to (n, entities)."""
        transformed = self.norm(torch.nn.functional.gelu(self.dense(states)))
        scores: torch.Tensor = transformed @ candidates.T
        return scores


def decoder(width: int, dim: int, seed: int) -> EntityDecoder:
    """Return a decoder whose tensors are drawn from a seed; the global generator is left alone."""
    with own_generators(seed):
        return EntityDecoder(width, dim)


def entity_loss(head: EntityDecoder, batch: CorpusBatch, rms: torch.Tensor) -> torch.Tensor:
    """Return the cross-entropy of the true entity among the unique ones of the batch.

    Candidates are scaled to unit length on average, as the published vectors are; their scores
    would otherwise start far from even.

    Args:
        head: scores entities.
        batch: what the host made of a corrupted batch.
        rms: root mean square of the entity vectors' components.
    """
    true = batch.entities
    candidates = true.vectors / (rms * true.vectors.shape[1] ** 0.5)
    scores = head(batch.hidden[true.rows, true.columns], candidates)
    return torch.nn.functional.cross_entropy(scores, true.inverse)
