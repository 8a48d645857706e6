"""ERNIE's K-encoder: a stream of entities beside the tokens of a host's upper layers.

The token stream is the host's own. In a fusing layer its feed-forward block becomes the fusion:
``h = gelu(W_t w + W_e e + b)``, ``w' = LN(W h + w)``, ``e' = LN_e(W' h + e)``, where ``W_t``, ``W``
and ``LN`` are the host's (Zhang et al., ACL 2019, arXiv 1905.07129, and their code).
"""

from __future__ import annotations

import torch

from kpframework.api import Entities, EntitySpace

EPS = 1e-12


class EntityAttention(torch.nn.Module):
    """Self-attention among the entities of a text, with residual and layer norm.

    Args:
        dim: width of the stream.
        heads: divides it.
    """

    def __init__(self, dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = torch.nn.Linear(dim, dim)
        self.key = torch.nn.Linear(dim, dim)
        self.value = torch.nn.Linear(dim, dim)
        self.dense = torch.nn.Linear(dim, dim)
        self.norm = torch.nn.LayerNorm(dim, eps=EPS)

    def forward(self, stream: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return a stream of shape (batch, tokens, dim); ``mask`` tells where entities are."""
        query, key, value = (
            part(stream).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        met = torch.nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask[:, None, None, :]
        )
        normed: torch.Tensor = self.norm(self.dense(met.transpose(1, 2).flatten(2)) + stream)
        return normed


class FusionLayer(torch.nn.Module):
    """What one fusing layer adds to the host's own.

    Args:
        dim: width of the entity stream.
        hidden: width inside the host's feed-forward block.
        heads: of the entities' self-attention; None leaves it out, as in the first fusing layer.
    """

    def __init__(self, dim: int, hidden: int, heads: int | None) -> None:
        super().__init__()
        self.attention = None if heads is None else EntityAttention(dim, heads)
        self.into = torch.nn.Linear(dim, hidden)
        self.back = torch.nn.Linear(hidden, dim)
        self.norm = torch.nn.LayerNorm(dim, eps=EPS)

    def enter(self, stream: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the entities that go into the fusion, 0 where there is none."""
        met = stream if self.attention is None else self.attention(stream, mask)
        return met * mask.unsqueeze(-1).to(met.dtype)

    def leave(self, inner: torch.Tensor, entered: torch.Tensor) -> torch.Tensor:
        """Return the stream after the fusion, from the inside of the feed-forward block."""
        stream: torch.Tensor = self.norm(self.back(inner) + entered)
        return stream


class KEncoder(torch.nn.Module):
    """One `FusionLayer` for each fusing layer of the host: ``mix``, then ``norm`` layers.

    Args:
        source: the entity space.
        hidden: width inside the feed-forward block of each fusing layer, from below.
        heads: of the entities' self-attention.
    """

    def __init__(self, source: EntitySpace, hidden: list[int], heads: int) -> None:
        super().__init__()
        self.rms: torch.Tensor
        self.register_buffer("rms", torch.tensor(source.rms))
        self.layers = torch.nn.ModuleList(
            FusionLayer(source.dim, width, heads if index else None)
            for index, width in enumerate(hidden)
        )
        self.apply(_as_bert)

    def start(self, entities: Entities) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the stream that enters, and where entities are.

        An entity stands on the first token of its mention. Each text's first token is open to
        attention with an all-zero vector, so that a text without an entity has one to attend to.
        """
        seen = entities.mask.bool()
        mask = torch.zeros_like(seen)
        mask[torch.arange(len(seen), device=seen.device), seen.int().argmax(1)] = True
        weight: torch.Tensor = self.layers[0].into.weight  # type: ignore[union-attr,assignment]
        stream = weight.new_zeros(*seen.shape, weight.shape[1])
        where = entities.rows, entities.columns
        if len(entities.rows):
            mask = mask.index_put(where, torch.ones_like(entities.rows, dtype=torch.bool))
            vectors = (entities.vectors / self.rms).to(stream.dtype)
            stream = stream.index_put(where, vectors[entities.inverse])
        return stream, mask


def _as_bert(module: torch.nn.Module) -> None:
    if isinstance(module, torch.nn.Linear):
        torch.nn.init.normal_(module.weight, std=0.02)
        torch.nn.init.zeros_(module.bias)
