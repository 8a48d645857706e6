"""The mapping networks."""

import torch

from kpframework.api import Mapper


class LinearMapper(Mapper):
    """An affine map with bias (Zhang et al., ACL 2023, section 3.1).

    128 to 768 dimensions are 99,072 parameters.
    """

    def build(self, source_dim: int, target_dim: int) -> torch.nn.Module:
        """Return the map with torch's default initialisation."""
        return torch.nn.Linear(source_dim, target_dim)


class MLPMapper(Mapper):
    """Two affine maps with a GELU between them."""

    def build(self, source_dim: int, target_dim: int) -> torch.nn.Module:
        """Return the network with torch's default initialisation."""
        return torch.nn.Sequential(
            torch.nn.Linear(source_dim, self.config.hidden),
            torch.nn.GELU(),
            torch.nn.Dropout(self.config.dropout),
            torch.nn.Linear(self.config.hidden, target_dim),
        )
