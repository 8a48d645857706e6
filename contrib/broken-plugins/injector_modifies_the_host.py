"""Rescales the host's word embeddings when it is attached."""

import torch

from .sound import Target as Sound


class Target(Sound):
    def patch(self, host, module):
        super().patch(host, module)
        with torch.no_grad():
            host.model.get_input_embeddings().weight.mul_(1.01)
