"""``kpframework plugins check``: the conformance kit without pytest."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from kpframework.cli.output import echo, emit_json, table
from kpframework.errors import PluginError

if TYPE_CHECKING:
    from kpframework.testing.conformance.model import Outcome

RUN = ("passed", "failed", "expected failure", "unexpected pass")
"""What counts as run; a blocked check is one that another failure kept from being made."""


def check_plugins(names: Sequence[str], as_json: bool, only: str, every: bool) -> int:
    """Run the checks of plugins and print how they went; return the exit code.

    Args:
        names: of plugins or distributions.
        as_json: print JSON, which a badge can be made from, in the place of a table.
        only: text in the ids of the checks that are run; empty runs all.
        every: show checks that passed, too.

    Raises:
        PluginError: no such plugin (KP205), no check (KP212), wrong samples (KP213).
    """
    from kpframework.testing.conformance.suite import Suite

    with redirect_stdout(sys.stderr):  # what plugins print is no result
        suites = [Suite(name) for name in names]
        found = [outcome for suite in suites for outcome in suite.run(only)]
    failed = [own for own in found if own.is_failure]
    if as_json:
        emit_json(_badge([suite.name for suite in suites], found))
    else:
        _print(found, every)
    return PluginError.exit_code if failed else 0


def _counts(found: Sequence[Outcome]) -> dict[str, int]:
    counts: Counter[str] = Counter(own.status for own in found)
    return {
        "run": sum(counts[status] for status in RUN),
        "passed": counts["passed"],
        "failed": counts["failed"] + counts["unexpected pass"],
        "expected_failures": counts["expected failure"],
        "blocked": counts["blocked"],
    }


def _badge(names: Sequence[str], found: Sequence[Outcome]) -> dict[str, Any]:
    """Return the outcome with the four keys that badge services read."""
    counts = _counts(found)
    failed = counts["failed"]
    return {
        "schemaVersion": 1,
        "label": "kpframework conformance",
        "message": f"{failed} of {counts['run']} failed" if failed else f"{counts['run']} passed",
        "color": "red" if failed else "brightgreen",
        "plugins": list(names),
        "counts": counts,
        "checks": [{**asdict(own), "seconds": round(own.seconds, 3)} for own in found],
    }


def _print(found: Sequence[Outcome], every: bool) -> None:
    shown = [own for own in found if every or own.status != "passed"]
    if shown:
        rows = [(own.id, own.status, own.detail or own.promise) for own in shown]
        table(("check", "result", "detail"), rows)
    counts = _counts(found)
    parts = [f"{counts['run']} checks run", f"{counts['passed']} passed"]
    parts += [f"{counts[key]} {label}" for key, label in _LABELS.items() if counts[key]]
    seconds = sum(own.seconds for own in found)
    echo(f"{', '.join(parts)}, in {seconds:.1f} s")


_LABELS = {"failed": "failed", "expected_failures": "expected to fail", "blocked": "blocked"}
