"""Takes an error of a shard for bad luck."""

from kpframework import KpError
from kpframework.api import outcome_of

from .sound import Target as Sound


class Target(Sound):
    def ask(self, work, shard):
        for _ in range(3):
            code, answer = super().ask(work, shard)
            try:
                outcome_of(answer or "{}")
            except (KpError, KeyError):
                continue
            break
        return code, answer
