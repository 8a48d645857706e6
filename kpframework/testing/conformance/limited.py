"""Calls that a check does not wait for without end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from kpframework.testing.conformance.model import fail

T = TypeVar("T")


def within(seconds: float, function: Callable[[], T]) -> T:
    """Return what a function returns, or raise what it raises.

    Raises:
        Finding: it takes longer; it is left to itself, in a thread that does not keep the process.
    """
    outcome: list[T] = []
    raised: list[BaseException] = []

    def call() -> None:
        try:
            outcome.append(function())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=call, name="kp-conformance", daemon=True)
    thread.start()
    thread.join(seconds)
    if raised:
        raised_there: Any = raised[0]
        raise raised_there
    if not outcome:
        fail(f"it is not done within {seconds:g} seconds")
    return outcome[0]
