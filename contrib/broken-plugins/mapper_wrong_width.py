"""Maps to the width of the entity vectors, not of the host."""

import torch

from kpframework.api import Mapper


class Target(Mapper):
    def build(self, source_dim, target_dim):
        return torch.nn.Linear(source_dim, source_dim)
