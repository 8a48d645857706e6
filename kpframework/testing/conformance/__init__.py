"""The conformance kit: what every plugin promises, checked without a line of its author's.

A plugin's whole conformance test::

    from kpframework.testing import conformance

    test_conformance = conformance.tests("kp-plugin-mine")

The same without pytest is ``kpframework plugins check mine``. Which checks there are follows from
what a component declares; options it cannot be built without come from the plugin's hook
`kp_samples`, or from the argument ``samples``.
"""

# ruff: noqa: PT028  # `tests` makes a test, it is none

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kpframework.testing.samples import Sample

if TYPE_CHECKING:
    from kpframework.testing.conformance.model import Outcome
    from kpframework.testing.conformance.suite import Given

__all__ = ["Sample", "check", "tests"]


def tests(
    name: str,
    samples: Given | None = None,
    files: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
) -> Callable[..., None]:
    """Return a pytest function with one case for each check; assign it to a ``test_…`` name.

    Args:
        name: of the plugin or its distribution.
        samples: ``KIND/NAME`` -> options, a `Sample`, or a list of them; or a function of the
            folder that returns it. None takes what the hook ``kp_samples`` returns.
        files: texts that the options name, relative to their folder: path -> content.
        expected_failures: id of a check, such as ``kb::ids_are_unique`` -> why it is known to
            fail. One that passes is a failure.

    Raises:
        PluginError: no such plugin (KP205), nothing to check (KP212), wrong samples (KP213).
    """
    import pytest

    from kpframework.testing.conformance.suite import Suite

    cases = Suite(name, samples, files, expected_failures).cases

    def test_conformance(case: Any) -> None:
        outcome = case.run()
        if outcome.status == "blocked":
            pytest.skip(outcome.detail)
        if outcome.status == "expected failure":
            pytest.xfail(outcome.detail)
        assert not outcome.is_failure, f"{outcome.promise}\n{outcome.detail}"

    by_case = pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases])
    marked: Callable[..., None] = by_case(test_conformance)
    return marked


def check(
    name: str,
    samples: Given | None = None,
    files: Mapping[str, str] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    only: str = "",
) -> list[Outcome]:
    """Run the checks of a plugin without pytest, and return how each went.

    Args:
        name: see `tests`, as the next three.
        samples: of its components.
        files: that the samples name.
        expected_failures: with their reasons.
        only: run the checks whose id holds this text.

    Raises:
        PluginError: see `tests`.
    """
    from kpframework.testing.conformance.suite import Suite

    return list(Suite(name, samples, files, expected_failures).run(only))
