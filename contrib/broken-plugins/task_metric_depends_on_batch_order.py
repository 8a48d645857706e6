"""Weighs an example by its place in the batch."""

import numpy as np

from .sound import Config as Config
from .sound import Target as Sound


class Target(Sound):
    def statistics(self, decisions, targets):
        found = super().statistics(decisions, targets)
        return found * np.linspace(1, 2, len(found))[:, None]
