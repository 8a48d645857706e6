"""Checks, cases and outcomes: a check applied to a component's sample is a case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, NoReturn

from kpframework import component

Status = Literal["passed", "failed", "expected failure", "unexpected pass", "blocked"]
FAILURES = ("failed", "unexpected pass")


class Finding(Exception):
    """What a check found wrong; its text is for the plugin's author."""


class Blocked(Exception):
    """A check cannot be made, since the component does not get that far; another check says why."""


@dataclass(frozen=True)
class Check:
    """One promise of a kind of component."""

    id: str
    """Stable: ``KIND::what_holds``."""
    promise: str
    """The promise in a sentence."""
    function: Callable[[Any], None]
    applies: Callable[[Any], bool]
    """Whether what a component declares calls for the check."""


@dataclass(frozen=True)
class Outcome:
    """How a case went."""

    id: str
    """Of the case: ``KIND/NAME::what_holds``."""
    check: str
    promise: str
    status: Status
    detail: str = ""
    """What was found, or the reason given for an expected failure."""
    seconds: float = 0.0

    @property
    def is_failure(self) -> bool:
        """Whether it makes the whole fail."""
        return self.status in FAILURES


_CHECKS: dict[str, list[Check]] = {}


def check(
    kind: str, *, when: Callable[[Any], bool] = lambda _subject: True
) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Register a function as a check; its name is the second half of the id."""

    def register(function: Callable[[Any], None]) -> Callable[[Any], None]:
        promise = (function.__doc__ or "").strip().splitlines()[0]
        own = Check(f"{kind}::{function.__name__}", promise, function, when)
        _CHECKS.setdefault(kind, []).append(own)
        return function

    return register


def checks_of(kind: str) -> list[Check]:
    """Return the checks of a kind alone, without those that every kind has."""
    if kind in _MODULES:
        import_module(f"kpframework.testing.conformance.{_MODULES[kind]}")
    return list(_CHECKS.get(kind, ()))


_MODULES = {
    "plugin": "plugin_checks",
    "component": "component_checks",
    **{kind: f"{kind}_checks" for kind in component.KINDS},
}
KINDS = tuple(_MODULES)
"""Kinds that have checks; ``component`` holds those of every kind."""


def fail(message: str) -> NoReturn:
    """End a check with a finding."""
    raise Finding(message)


def ensure(holds: bool, message: str) -> None:
    """End a check with a finding unless something holds."""
    if not holds:
        raise Finding(message)


@contextmanager
def where(place: str) -> Iterator[None]:
    """Put a place, such as the host at work, before the findings inside."""
    try:
        yield
    except Finding as finding:
        raise Finding(f"{place}: {finding}") from None
