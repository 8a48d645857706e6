"""Sums the loss over the batch."""

from .sound import Config as Config
from .sound import Target as Sound


class Target(Sound):
    def loss(self, logits, targets):
        return super().loss(logits, targets) * len(targets)
