"""Leaves its dropout on when it answers."""

import torch

from .sound import Target as Sound


class Target(Sound):
    def patch(self, host, module):
        host.input_embeddings(
            lambda output, entities: entities.overwrite(
                output, lambda v: torch.nn.functional.dropout(module(v), 0.5)
            )
        )
