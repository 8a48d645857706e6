"""Works in the process that asks, and does not declare it."""

from kpframework.api import Executor, outcome_of, reply


class Target(Executor):
    def map(self, work, shards):
        for index, shard in enumerate(shards):
            yield index, outcome_of(reply(lambda: work.open()(shard)))
