"""What runs in a worker of Ray; Ray sends it by its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

from kpframework.api import Work, reply


@lru_cache(maxsize=1)
def _opened(work: str) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """Return the function of a shard; Ray keeps a process for many tasks, so it is opened once."""
    return Work.from_json(work).open()


def shard_done(work: str, shard: str) -> str:
    """Do a shard and return its answer; both are told as JSON."""
    return reply(partial(_done, work, json.loads(shard)))


def _done(work: str, shard: Mapping[str, Any]) -> Mapping[str, Any]:
    return _opened(work)(shard)
