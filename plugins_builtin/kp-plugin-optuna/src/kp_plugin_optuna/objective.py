"""What a sweep improves: a metric of one row, measured on dev."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kpframework import KpError


@dataclass(frozen=True)
class Objective:
    """A row's dev metric, averaged over its seeds.

    Raises:
        KpError: KP886, the metric is one of test.
    """

    row: str
    metric: str | None = None
    task: str | None = None
    host: str | None = None
    direction: str = "maximize"

    def __post_init__(self) -> None:
        if self.metric is not None and re.match(r"test(\W|_|$)", self.metric):
            raise KpError(
                "KP886",
                f"{self.metric!r}: a sweep never looks at test. Options that were chosen on test "
                "examples make every figure on them too good",
                "name a metric as it is called in the table; it is measured on dev",
            )

    def check(self, spec: Mapping[str, Any]) -> None:
        """Compare with a filled spec, before any trial.

        Raises:
            KpError: KP886, there is no such row, or it is not clear which cell is meant.
        """
        for kind, section, wanted in (
            ("row", "injections", self.row),
            ("task", "tasks", self.task),
            ("host", "hosts", self.host),
        ):
            ids = [own["id"] for own in spec[section]]
            if wanted is None and len(ids) > 1:
                raise KpError(
                    "KP886",
                    f"the spec has {len(ids)} {section}, and a sweep improves one cell",
                    f"give --{kind}, one of {', '.join(ids)}",
                )
            if wanted is not None and wanted not in ids:
                raise KpError(
                    "KP886", f"the spec has no {kind} {wanted!r}", f"one of {', '.join(ids)}"
                )

    def value(self, results: Mapping[str, Any]) -> float:
        """Return the figure of a finished run, from the row's ``dev`` and nothing else.

        Raises:
            KpError: KP886, the run has no such figure.
        """
        wanted = {"injection": self.row, "task": self.task, "host": self.host}
        given = {name: own for name, own in wanted.items() if own is not None}
        rows = [r for r in results["rows"] if all(r[name] == own for name, own in given.items())]
        if len(rows) != 1:
            raise KpError(
                "KP886",
                f"{len(rows)} cells of the table are row {self.row!r}",
                "name one with --task and --host",
            )
        (row,) = rows
        if row["status"] != "ok":
            raise KpError("KP886", f"row {self.row!r} is missing: {row['error']}", "see the run")
        dev = row.get("dev") or []
        # The keys of a row's metrics are sorted; the task's list tells which is its first.
        task = next(own for own in results["tasks"] if own["id"] == row["task"])
        name = self.metric or task["metrics"][0]
        if not dev or any(name not in own for own in dev):
            known = [key for key in (dev[0] if dev else {}) if key != "seed"]
            raise KpError(
                "KP886",
                f"row {self.row!r} has no {name!r} on dev",
                f"take one of {', '.join(known)}" if known else "give the task dev examples",
            )
        return sum(float(own[name]) for own in dev) / len(dev)

    def as_record(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "row": self.row,
            "metric": self.metric,
            "task": self.task,
            "host": self.host,
            "direction": self.direction,
            "measured_on": "dev",
        }
