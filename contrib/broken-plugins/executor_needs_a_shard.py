"""Has as many threads as shards, and no shard is none too few for a pool."""

from concurrent.futures import ThreadPoolExecutor

from .sound import Target as Sound


class Target(Sound):
    def map(self, work, shards):
        with ThreadPoolExecutor(len(shards)):
            yield from super().map(work, shards)
