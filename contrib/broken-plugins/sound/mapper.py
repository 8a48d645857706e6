"""A sound mapper."""

import torch

from kpframework.api import Mapper


class Target(Mapper):
    """One affine map."""

    def build(self, source_dim, target_dim):
        """Return the map."""
        return torch.nn.Linear(source_dim, target_dim)
