"""Holds a tensor that is neither a parameter nor a buffer."""

import torch

from kpframework.api import Mapper


class Shifted(torch.nn.Linear):
    def __init__(self, source_dim, target_dim):
        super().__init__(source_dim, target_dim)
        self.shift = torch.randn(target_dim)

    def forward(self, vectors):
        return super().forward(vectors) + self.shift


class Target(Mapper):
    def build(self, source_dim, target_dim):
        return Shifted(source_dim, target_dim)
