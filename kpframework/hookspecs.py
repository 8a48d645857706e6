"""Every pluggy hook: when it is called, in which order, and what it returns.

Plugins are called in the order of (distribution, entry point). An implementation may take any
subset of the arguments. Except for `kp_components`, an exception in a hook is reported with the
plugin's name and does not stop the run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from kpframework.component import Component
    from kpframework.errors import Problem

PROJECT = "kpframework"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin's module as its implementation of the hook of that name."""


@hookspec
def kp_components() -> Iterable[Component]:  # type: ignore[empty-body]
    """Called once when the plugin is loaded. Return the components it offers.

    Return declarations only: the module that implements this hook must import nothing heavy.
    """


@hookspec
def kp_samples(folder: Path) -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Called by the conformance kit, once. Return what your components can be built with.

    The result is ``{"KIND/NAME": options}``; options may also be a `kpframework.testing.Sample`, or
    a list of either, to have a component checked with several. A component whose options all have
    defaults needs none. ``folder`` holds the tiny project of `kpframework.testing.project`; write
    files of your own into it. Paths in options are relative to it.
    """


@hookspec
def kp_doctor() -> Iterable[Problem]:  # type: ignore[empty-body]
    """Called by ``kpframework plugins doctor``. Return what is wrong with the installation."""


@hookspec
def kp_before_run(spec: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Called once before the first step, with the resolved spec and the plan. Return nothing."""


@hookspec
def kp_after_step(step: Mapping[str, Any]) -> None:
    """Called after each step with its name, key, whether it was reused, seconds and metrics."""


@hookspec
def kp_after_run(results: Mapping[str, Any]) -> None:
    """Called once after the report was written, with the content of ``results.json``."""


@hookspec
def kp_lock_entries() -> Mapping[str, Any]:  # type: ignore[empty-body]
    """Called when the lock is made. Return what pins your data: releases, checksums, licences."""


@hookspec
def kp_report_sections(  # type: ignore[empty-body]
    results: Mapping[str, Any],
) -> Iterable[Mapping[str, Any]]:
    """Called before the page is written. Return sections for it.

    A section is ``{"title": str, "text": str, "rows": [[…]]}``. All strings are shown as text,
    never as HTML.
    """
