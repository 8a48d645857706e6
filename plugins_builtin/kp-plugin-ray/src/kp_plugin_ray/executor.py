"""Shards as tasks of Ray."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from typing import Any
from urllib.parse import urlsplit

from kp_plugin_ray.task import shard_done
from kpframework import KpError
from kpframework.api import Executor, Work, outcome_of, python_random_kept, worker_died

_REACHED_WITHIN = 5.0
"""Seconds; Ray itself would wait minutes for an address where nobody listens."""


class RayExecutor(Executor):
    """Keeps as many tasks going as there are workers."""

    def map(
        self, work: Work, shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Yield (index, outcome) of every shard as they finish."""
        ray = _ray()
        own = not ray.is_initialized()
        # Ray's threads tell of dead workers on stdout, where a command's results are expected.
        with redirect_stdout(sys.stderr):
            if own:
                with python_random_kept():
                    self._start(ray)
            try:
                yield from self._map(ray, work.to_json(), shards)
            finally:
                if own:
                    with python_random_kept():
                        ray.shutdown()

    def _start(self, ray: Any) -> None:
        try:
            if self.config.address is not None:
                _reach(self.config.address)
                ray.init(self.config.address, log_to_driver=False)
                return
            # The import path of this process: tasks import what the spec's plugins are made of.
            path = os.pathsep.join(entry for entry in sys.path if entry)
            ray.init(
                num_cpus=self.config.workers,
                include_dashboard=False,
                log_to_driver=False,
                configure_logging=False,
                runtime_env={"env_vars": {"PYTHONPATH": path}},
            )
        except (OSError, RuntimeError, ValueError) as error:
            raise KpError(
                "KP843",
                f"no Ray cluster: {error}",
                "check the address, or leave it out for a local cluster",
            ) from error

    def _map(
        self, ray: Any, work: str, shards: Sequence[Mapping[str, Any]]
    ) -> Iterator[tuple[int, Mapping[str, Any]]]:
        # Deaths are counted here, so that the bound and its error are the same as elsewhere.
        task = ray.remote(num_cpus=1, max_retries=0)(shard_done)
        count = self.config.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting = deque(range(len(shards)))
        deaths: Counter[int] = Counter()
        running: dict[Any, int] = {}
        try:
            while waiting or running:
                while waiting and len(running) < count:
                    index = waiting.popleft()
                    running[task.remote(work, json.dumps(dict(shards[index])))] = index
                done, _ = ray.wait(list(running), num_returns=1)
                index = running.pop(done[0])
                try:
                    answer = ray.get(done[0])
                except ray.exceptions.RayTaskError:
                    raise  # not the worker: what the task calls cannot be imported there
                except ray.exceptions.RayError as error:
                    deaths[index] += 1
                    if deaths[index] > self.config.retries:
                        how = f"with {type(error).__name__}"
                        raise worker_died(index, deaths[index], how) from error
                    waiting.appendleft(index)
                    continue
                yield index, outcome_of(answer)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)


def _reach(address: str) -> None:
    """Raise OSError if an address names a host and a port and nobody listens there."""
    parts = urlsplit(address if "://" in address else f"//{address}")
    if parts.hostname and parts.port:
        socket.create_connection((parts.hostname, parts.port), _REACHED_WITHIN).close()


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise KpError(
            "KP843", "executor 'ray' needs the package ray", "pip install 'kp-plugin-ray[ray]'"
        ) from error
    return ray
