"""Executors: a pure function over many shards, in this process, in others, or on other machines."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

from kpframework.api.context import Context
from kpframework.errors import KpError, Problem

Shard = Mapping[str, Any]
"""What a worker has to know of one part of the work, as JSON: places of files, never content."""
Outcome = Mapping[str, Any]
"""What a worker tells of a shard, as JSON: counts and places of files."""
Function = Callable[[Shard], Outcome]


@dataclass(frozen=True)
class Work:
    """A function of a shard, as text, so that any process can open it without unpickling.

    The function is pure: a shard done twice, by whomever, leaves the same files and outcome. It
    writes aside and renames, so that a killed worker leaves nothing that counts.
    """

    function: str
    """``module:name``, named by the code that has the work done, never by a spec; called once in a
    worker with ``arguments``, it returns the function of a shard."""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """As JSON: places of stores and options of components, which each worker opens itself."""

    def open(self) -> Function:
        """Import and open the function; this is what takes memory and time in a worker."""
        module, _, name = self.function.partition(":")
        opened: Function = getattr(import_module(module), name)(self.arguments)
        return opened

    def to_json(self) -> str:
        """Return the text that `from_json` reads."""
        return json.dumps(asdict(self), sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Work:
        """Return the work that a text describes."""
        return cls(**json.loads(text))


class Executor(ABC):
    """Has the shards of some work done.

    The smallest use::

        work = Work("my_package.work:open_it", {"store": "kb"})
        for index, outcome in executor.map(work, shards):
            ...

    One that does the shards in the process that asks declares ``{"in_process": True}``: there is no
    worker then that could die, print, or go on.
    """

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def map(self, work: Work, shards: Sequence[Shard]) -> Iterator[tuple[int, Outcome]]:
        """Yield (index, outcome) of every shard once, as they finish, in whatever order.

        A generator does: it can be closed. The work is opened and called through `reply` in a
        worker, and `outcome_of` reads the answer here; what a shard prints there is no part of it.
        Without shards nothing is opened.

        A shard whose worker died is done again, a bounded number of times. One that raises is not:
        the function is pure, it would raise again. When the iterator is closed, or ends with an
        error, every worker has been stopped.

        Raises:
            KpError: what a shard raised; KP840 for anything but a `KpError`; KP841, a shard's
                worker died again and again.
        """


def reply(function: Callable[[], Outcome]) -> str:
    """Call a function in a worker; return its outcome, or its error, as one line of JSON."""
    try:
        return json.dumps({"outcome": function()}, allow_nan=False)
    except Exception as error:
        failure = worker_failed(error)
        problems = [asdict(problem) for problem in failure.problems]
        return json.dumps({"problems": problems, "exit_code": failure.exit_code})


def outcome_of(text: str) -> Outcome:
    """Return the outcome that `reply` wrote in a worker.

    Raises:
        KpError: what was raised there, with its codes and its exit code.
    """
    answer = json.loads(text)
    if "problems" in answer:
        error = KpError.of([Problem(**problem) for problem in answer["problems"]])
        error.exit_code = answer["exit_code"]
        raise error
    outcome: Outcome = answer["outcome"]
    return outcome


def worker_failed(error: Exception) -> KpError:
    """Return what a shard raised as an error that is told: itself, or KP840."""
    if isinstance(error, KpError):
        return error
    reason = f"{type(error).__name__}: {error}"
    return KpError("KP840", f"a worker failed: {reason}", "the same command does what is missing")


def worker_died(index: int, times: int, how: str) -> KpError:
    """Return the error for a shard that no worker survives."""
    return KpError(
        "KP841",
        f"shard {index} was given up: its worker died {times} times, last {how}",
        "often the memory is full: use fewer workers or smaller shards; what is finished is kept",
    )
