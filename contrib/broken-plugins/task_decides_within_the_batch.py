"""Centres the logits over the examples that are decided together."""

from .sound import Config as Config
from .sound import Target as Sound


class Target(Sound):
    def decide(self, logits, calibration):
        return super().decide(logits - logits.mean(0), calibration)
