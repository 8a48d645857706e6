"""Draws which of its mentions it returns from the global generator."""

import random

from .sound import Target as Sound


class Target(Sound):
    def one(self, segment):
        return [m for m in super().one(segment) if random.random() < 0.7]
