"""Progress on standard error: one live display in a terminal, one plain line a step elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from kpframework.api.context import Advance
from kpframework.safe import safe_raw

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_PATIENCE = 1.0
"""Seconds that something takes before it has a bar, where no display is shown around it."""


class Display:
    """Shows which step is at work and how far it is.

    Args:
        enabled: False shows nothing at all (``--quiet``).
    """

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self.live = enabled and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
        self._rich: Progress | None = None
        self._overall: TaskID | None = None

    @contextmanager
    def running(self, steps: int) -> Iterator[None]:
        """Show the display while the block runs."""
        if not self.live:
            yield
            return
        with self._shown() as progress:
            self._overall = progress.add_task("steps", total=steps, note="")
            try:
                yield
            finally:
                self._overall = None

    @contextmanager
    def _shown(self) -> Iterator[Progress]:
        # Imported here: most commands show no progress, and start faster without it.
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            self._rich = progress
            try:
                yield progress
            finally:
                self._rich = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name the step at work in the block."""
        self.note(name)
        yield
        if self._rich is not None and self._overall is not None:
            self._rich.advance(self._overall)

    @contextmanager
    def progress(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a bar; this is the ``progress`` of `kpframework.api.Context`.

        Outside of `running` it is shown once the block has taken a second.
        """
        with ExitStack() as closing:
            bar: tuple[Progress, TaskID] | None = None
            done, due = 0, time.monotonic() + _PATIENCE

            def show(rich: Progress) -> tuple[Progress, TaskID]:
                task = rich.add_task(safe_raw(description), total=total, completed=done, note="")
                closing.callback(rich.remove_task, task)
                return rich, task

            def advance(steps: int = 1, note: str = "") -> None:
                nonlocal bar, done
                done += steps
                if bar is None and self.live and time.monotonic() >= due:
                    bar = show(self._rich or closing.enter_context(self._shown()))
                elif bar is not None:
                    bar[0].update(bar[1], advance=steps, note=safe_raw(note))

            if self._rich is not None:
                bar = show(self._rich)
            yield advance

    def note(self, text: str) -> None:
        """Show a text beside the overall bar."""
        if self._rich is not None and self._overall is not None:
            self._rich.update(self._overall, note=safe_raw(text))

    def finished(self, name: str, status: str, seconds: float, reason: str) -> None:
        """Write one line on what became of a step."""
        what = {"made": f"{seconds:.1f} s", "reused": "reused"}.get(status, f"{status}: {reason}")
        self.say(f"{name}  {what}")

    def say(self, text: str) -> None:
        """Write one line, above the bars where there are any."""
        if not self.enabled:
            return
        line = safe_raw(text)
        if self._rich is not None:
            self._rich.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            print(line, file=sys.stderr, flush=True)  # noqa: T201  the one place that reports steps
