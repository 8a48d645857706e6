"""Takes the shards but the last."""

from .sound import Target as Sound


class Target(Sound):
    def map(self, work, shards):
        return super().map(work, shards[:-1] if len(shards) > 1 else shards)
