"""Trackers at work: called in the spec's order, left out once they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from kpframework.api.context import Context
from kpframework.api.tracker import Tracker
from kpframework.spec.resolved import BoundComponent


class Trackers:
    """The trackers of one run.

    Args:
        bound: of the spec.
        warn: told once of each tracker that fails.
    """

    def __init__(self, bound: Sequence[BoundComponent], warn: Callable[[str], None]) -> None:
        self._warn = warn
        self._working: dict[str, Tracker] = {}
        for number, component in enumerate(bound):
            name = f"{component.type} (trackers[{number}])"
            try:
                self._working[name] = component.create(Context())
            except Exception as error:
                self._left_out(name, error)

    def call(self, method: str, *arguments: Any) -> None:
        """Call a method of every tracker that still works."""
        for name, tracker in list(self._working.items()):
            try:
                getattr(tracker, method)(*arguments)
            except Exception as error:
                del self._working[name]
                self._left_out(name, error)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Tell the trackers if what is inside ends by an error or an interruption."""
        try:
            yield
        except BaseException as error:
            self.call("run_failed", str(error) or type(error).__name__)
            raise

    def _left_out(self, name: str, error: Exception) -> None:
        reason = " ".join(str(error).split()) or type(error).__name__
        self._warn(f"tracker {name} failed and is left out, the run goes on: {reason}")
