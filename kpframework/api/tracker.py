"""Trackers: what watches a run from outside."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.api.context import Context


class Tracker(ABC):
    """Writes down elsewhere what a run does: an experiment server, a file for a dashboard.

    Nothing it does moves a result. One that raises is reported once and left out from then on; the
    run goes on without it. All arguments are JSON, and are not to be changed. Where what it writes
    to is not there, it raises or goes on, in bounded time. After `run_done` or `run_failed` nothing
    of it is open or at work, and a new one may be told another run.

    The smallest use::

        class Lines(Tracker):
            def step_done(self, step):
                print(step["name"], step["seconds"])
    """

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    def run_started(self, spec: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
        """Called once before the first step.

        Args:
            spec: with every default written out.
            plan: ``{"name", "folder", "cells", "steps": [{"name", "kind", "key", "cached", …}]}``;
                the folder is where the run is written to, and need not be there yet.
        """

    def step_done(self, step: Mapping[str, Any]) -> None:
        """Called after each step, those reused from the cache included.

        Args:
            step: ``{"name", "kind", "key", "status", "reused", "seconds", "metrics", "reason"}``;
                status is ``made``, ``reused``, ``failed`` or ``skipped``. The metrics of a
                training step hold its curves under ``histories``.
        """

    def run_done(self, results: Mapping[str, Any], folder: Path) -> None:
        """Called once after everything was written.

        Args:
            results: the content of ``results.json``.
            folder: of the run: results, page, lock, plugins.
        """

    def run_failed(self, reason: str) -> None:
        """Called instead of `run_done` where a run ends by an error or an interruption."""
