"""The residual MLP."""

import torch

from kpframework.api import Mapper


class Block(torch.nn.Module):
    """``x + W2 GELU(W1 norm(x))``; W2 starts at zero, so a block starts as the identity."""

    def __init__(self, width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = torch.nn.LayerNorm(width)
        self.first = torch.nn.Linear(width, hidden)
        self.dropout = torch.nn.Dropout(dropout)
        self.second = torch.nn.Linear(hidden, width)
        torch.nn.init.zeros_(self.second.weight)
        torch.nn.init.zeros_(self.second.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, width) to (n, width)."""
        hidden = torch.nn.functional.gelu(self.first(self.norm(x)))
        mapped: torch.Tensor = self.second(self.dropout(hidden))
        return x + mapped


class ResidualMLP(Mapper):
    """Starts as an affine map, and learns to be more."""

    def build(self, source_dim: int, target_dim: int) -> torch.nn.Module:
        """Return a module from (n, source_dim) to (n, target_dim)."""
        config = self.config
        blocks = [Block(target_dim, config.hidden, config.dropout) for _ in range(config.blocks)]
        return torch.nn.Sequential(torch.nn.Linear(source_dim, target_dim), *blocks)
