"""The adapter: transformer layers beside a host, fed by some of its hidden states."""

from __future__ import annotations

from collections.abc import Sequence

import torch

EPS = 1e-12


class TransformerLayer(torch.nn.Module):
    """A layer of BERT (Devlin et al., NAACL 2019).

    Args:
        width: of its states.
        heads: of its attention.
        hidden: width of its feed-forward block.
    """

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = torch.nn.Linear(width, width)
        self.key = torch.nn.Linear(width, width)
        self.value = torch.nn.Linear(width, width)
        self.dense = torch.nn.Linear(width, width)
        self.attention_norm = torch.nn.LayerNorm(width, eps=EPS)
        self.into = torch.nn.Linear(width, hidden)
        self.back = torch.nn.Linear(hidden, width)
        self.norm = torch.nn.LayerNorm(width, eps=EPS)

    def forward(self, states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return new states of shape (batch, tokens, width); for ``seen`` see `visible`."""
        query, key, value = (
            part(states).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for part in (self.query, self.key, self.value)
        )
        met = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=seen)
        states = self.attention_norm(self.dense(met.transpose(1, 2).flatten(2)) + states)
        inner = torch.nn.functional.gelu(self.into(states))
        normed: torch.Tensor = self.norm(self.back(inner) + states)
        return normed


class AdapterLayer(torch.nn.Module):
    """Down, transformer layers, up, and a residual: Wang et al., 2021, section 3.1.

    Args:
        host: width of the host's states.
        width: inside.
        heads: of the attention.
        hidden: width of the feed-forward blocks.
        depth: how many transformer layers.
    """

    def __init__(self, host: int, width: int, heads: int, hidden: int, depth: int) -> None:
        super().__init__()
        self.down = torch.nn.Linear(host, width)
        self.encoder = torch.nn.ModuleList(
            TransformerLayer(width, heads, hidden) for _ in range(depth)
        )
        self.up = torch.nn.Linear(width, host)
        for module in self.encoder.modules():
            if isinstance(module, torch.nn.Linear):
                torch.nn.init.normal_(module.weight, std=0.02)
                torch.nn.init.zeros_(module.bias)
        for projection in (self.down, self.up):
            torch.nn.init.normal_(projection.weight, std=2e-4)
            torch.nn.init.zeros_(projection.bias)

    def forward(self, states: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Return states of shape (batch, tokens, host)."""
        inner = self.down(states)
        for layer in self.encoder:
            inner = layer(inner, seen)
        adapted: torch.Tensor = states + self.up(inner)
        return adapted


def visible(mask: torch.Tensor, causal: bool) -> torch.Tensor:
    """Return which token attends to which: (batch, tokens) to (batch, 1, tokens, tokens).

    Padding is never attended to; a padded position attends to itself, so that it has something to.
    """
    tokens = mask.shape[1]
    alone = torch.eye(tokens, dtype=torch.bool, device=mask.device)
    seen = mask.bool()[:, None, None, :].expand(-1, 1, tokens, -1)
    return (seen.tril() if causal else seen) | alone


def spread(layers: int, count: int = 3) -> list[int]:
    """Return hidden states from the first to the last, evenly spread; fewer in a small host."""
    steps = max(1, count - 1)
    return sorted({round(k * layers / steps) for k in range(count)})


class Adapter(torch.nn.Module):
    """Adapter layers, and how their result comes back into the host.

    Args:
        host: width of the host's states.
        states: hidden states that feed the layers.
        shape: (width, heads, hidden, depth) of a layer.
        fusion: ``gate``: added to the last state through ``tanh(gate)``, one gate a dimension,
            which starts at 0; ``concat`` and ``add`` as in the options of the fine-tuned form.
    """

    def __init__(
        self, host: int, states: Sequence[int], shape: tuple[int, int, int, int], fusion: str
    ) -> None:
        super().__init__()
        self.states = tuple(states)
        self.layers = torch.nn.ModuleList(AdapterLayer(host, *shape) for _ in self.states)
        self.fusion = fusion
        self.fuse = torch.nn.Module()
        if fusion == "gate":
            self.fuse.gate = torch.nn.Parameter(torch.zeros(host))
        elif fusion == "concat":
            self.fuse.map = torch.nn.Linear(2 * host, host)
            # The host's half starts as it is: its own head, pooler included, goes on reading it.
            torch.nn.init.normal_(self.fuse.map.weight, std=0.02)
            torch.nn.init.zeros_(self.fuse.map.bias)
            with torch.no_grad():
                self.fuse.map.weight[:, :host] = torch.eye(host)

    def fused(self, last: torch.Tensor, adapted: torch.Tensor) -> torch.Tensor:
        """Return what the host's head gets, from its last state and the adapter's."""
        if self.fusion == "gate":
            return last + torch.tanh(self.fuse.gate) * adapted
        if self.fusion == "add":
            return last + adapted
        joined: torch.Tensor = self.fuse.map(torch.cat([last, adapted], dim=-1))
        return joined
