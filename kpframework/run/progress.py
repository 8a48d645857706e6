"""Progress on standard error: one live display in a terminal, one plain line a step elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from kpframework.api.context import Advance
from kpframework.safe import safe_raw

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


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
            self._overall = progress.add_task("steps", total=steps, note="")
            try:
                yield
            finally:
                self._rich = self._overall = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name the step at work in the block."""
        self.note(name)
        yield
        if self._rich is not None and self._overall is not None:
            self._rich.advance(self._overall)

    @contextmanager
    def progress(self, description: str, total: int | None) -> Iterator[Advance]:
        """Show a bar; this is the ``progress`` of `kpframework.api.Context`."""
        with ExitStack() as closing:
            rich = self._rich
            if rich is not None:
                task = rich.add_task(safe_raw(description), total=total, note="")
                closing.callback(rich.remove_task, task)

            def advance(steps: int = 1, note: str = "") -> None:
                if rich is not None:
                    rich.update(task, advance=steps, note=safe_raw(note))

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
