"""The executor that needs nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from kpframework.api import Executor, Work, outcome_of, reply


class SerialExecutor(Executor):
    """Does the shards in this process, in their order."""

    def map(
        self, work: Work, shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield (index, outcome) of every shard; nothing is opened where there is none."""
        function = None
        for index, shard in enumerate(shards):
            function = function or work.open()
            # Through the same text as from another process, so that errors are the same.
            yield index, outcome_of(reply(partial(function, shard)))
