"""Sends shards as Python writes them, in ASCII."""

from .sound import Target as Sound


class Target(Sound):
    def lines(self, work, shard):
        plain = {name: _plain(value) for name, value in shard.items()}
        return super().lines(work, plain)


def _plain(value):
    if isinstance(value, dict):
        return {name: _plain(own) for name, own in value.items()}
    return value.encode("ascii", "replace").decode() if isinstance(value, str) else value
