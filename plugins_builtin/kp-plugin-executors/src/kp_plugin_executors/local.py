"""Processes of this machine: who is at which shard, and what becomes of those whose worker dies."""

from __future__ import annotations

import os
import queue
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kp_plugin_executors.worker import Inbox, Worker
from kpframework.api import Executor, Work, outcome_of, worker_died


class LocalExecutor(Executor):
    """Keeps its workers busy until every shard is done; one that died is replaced."""

    def map(
        self, work: Work, shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield (index, outcome) of every shard as they finish."""
        count = min(self.config.workers or cpus(), len(shards))
        threads = max(1, cpus() // max(count, 1))
        waiting = deque(range(len(shards)))
        deaths: Counter[int] = Counter()
        inbox: Inbox = queue.SimpleQueue()
        workers: set[Worker] = set()
        try:
            while waiting or workers:
                while waiting and len(workers) < count:
                    worker = Worker(work, threads, inbox)
                    workers.add(worker)
                    _give(worker, waiting, shards)
                worker, answer = inbox.get()
                if worker not in workers:
                    continue  # it was let go, and has ended
                if answer is None:
                    workers.discard(worker)
                    index, how = worker.index, worker.end()
                    deaths[index] += 1
                    if deaths[index] > self.config.retries:
                        raise worker_died(index, deaths[index], how)
                    waiting.appendleft(index)
                    continue
                index = worker.index
                if waiting:
                    _give(worker, waiting, shards)
                else:
                    workers.discard(worker)
                    worker.end()
                yield index, outcome_of(answer)
        finally:
            for worker in workers:
                worker.kill()
            for worker in workers:
                worker.end()


def cpus() -> int:
    """Return how many CPUs this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _give(worker: Worker, waiting: deque[int], shards: Sequence[Mapping[str, Any]]) -> None:
    index = waiting.popleft()
    worker.give(index, shards[index])
