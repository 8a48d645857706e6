"""Calls that take a bounded time, whatever a tool does inside them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from kpframework import KpError
from kpframework.api import python_random_kept


class Bounded:
    """Makes calls in a thread of its own, one after another, and waits for each a given time.

    A tool that hangs on a server keeps its thread, which does not keep the process. What a call
    draws from `random` while it is waited for (MLflow does for some ids) is not missing from it.

    Args:
        name: of the tool, for the message.
        seconds: longest wait for one call.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        # A daemon: the process ends while a call still waits for a server.
        threading.Thread(target=self._work, name=f"kp-{name}", daemon=True).start()

    def __call__(self, function: Callable[[], Any]) -> Any:
        """Return what the function returns, or raise what it raises.

        Raises:
            KpError: KP881, it took longer.
        """
        done = threading.Event()
        outcome: list[Any] = []
        raised: list[BaseException] = []

        def call() -> None:
            try:
                outcome.append(function())
            except BaseException as error:
                raised.append(error)
            finally:
                done.set()

        with python_random_kept():
            self._calls.put(call)
            in_time = done.wait(self._seconds)
        if not in_time:
            raise KpError(
                "KP881",
                f"{self._name} did not answer within {self._seconds:g} seconds",
                "see that its server can be reached, or give the tracker a longer timeout",
            )
        if raised:
            raise raised[0]
        return outcome[0]

    def close(self) -> None:
        """End the thread after the calls that were made."""
        self._calls.put(None)

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
