"""Yields an outcome, and all of them again at the end."""

from .sound import Target as Sound


class Target(Sound):
    def map(self, work, shards):
        told = []
        for pair in super().map(work, shards):
            told.append(pair)
            yield pair
        yield from told
