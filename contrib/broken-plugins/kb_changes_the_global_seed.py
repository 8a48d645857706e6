"""Seeds the global generator of `random`."""

import random

from .sound import Target as Sound


class Target(Sound):
    def entities(self):
        random.seed(0)
        yield from super().entities()
