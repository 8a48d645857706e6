"""Raises every error as one of its own."""

from kpframework import KpError

from .sound import Target as Sound


class Target(Sound):
    def map(self, work, shards):
        try:
            yield from super().map(work, shards)
        except KpError as error:
            raise KpError("KP840", f"a worker failed: {error}") from error
