"""The scores of a comparison's lines, and their differences to a baseline."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kpframework.errors import SpecError
from kpframework.report.compare_model import Line, Pair, Run, Score, check_known
from kpframework.report.model import Estimate, Row

Unpaired = dict[tuple[str, ...], str]
"""Why what was not compared, by what it is: a task's rows share their reason."""


@dataclass(frozen=True)
class Baseline:
    """A baseline as it was named."""

    text: str
    run: str
    injection: str
    host: str

    @classmethod
    def chosen(cls, runs: Sequence[Run], lines: Sequence[Line], text: str | None) -> Baseline:
        """Read ``[RUN:]ROW[@HOST]``; without it, the baseline of the first run is meant.

        Raises:
            SpecError: KP810, there is no such row.
        """
        if text is None:
            rows = runs[0].results["rows"]
            own = [d["baseline"] for row in rows if (d := row.get("difference"))]
            first = own[0] if own else next((row["injection"] for row in rows), "")
            return cls(first, "", first, "")
        whole, _, host = text.partition("@")
        run, _, injection = whole.rpartition(":")
        chosen = cls(text, run, injection, host)
        if not any(chosen.names(line) for line in lines):
            labels = list(dict.fromkeys(name for line in lines for name in _names(line)))
            check_known("row", text, labels)
            raise SpecError("KP810", f"no row is named {text!r}", "give a row as RUN:ROW@HOST")
        return chosen

    def names(self, line: Line) -> bool:
        """Tell whether a line may be meant."""
        return (
            line.injection == self.injection
            and self.run in ("", line.run.label)
            and self.host in ("", line.host)
        )

    def of(self, line: Line, lines: Sequence[Line]) -> Line | None:
        """Return what a line is compared with: on its own host, from its own run if possible."""
        host = self.host or line.host
        found = [other for other in lines if self.names(other) and other.host == host]
        return next((other for other in found if other.run is line.run), next(iter(found), None))


def _names(line: Line) -> tuple[str, ...]:
    return (line.label, line.injection, line.name)


def line_scores(
    line: Line,
    lines: Sequence[Line],
    columns: Sequence[tuple[str, str]],
    baseline: Baseline,
    pair: Pair,
    unpaired: Unpaired,
) -> Iterator[Score]:
    """Yield what a line has in each column; what cannot be compared is added to ``unpaired``."""
    beside = baseline.of(line, lines)
    if beside is None:
        text = f"{line.label} is not compared: {baseline.text} has no row on {line.host}"
        unpaired[line.name,] = text
    for task, metric in columns:
        row = _row(line, task)
        if row is None or row["status"] != "ok":
            yield Score(row)
            continue
        estimate = row.get("metrics", {}).get(metric)
        if beside is None or beside is line:
            yield Score(row, estimate, line.name if beside else "")
            continue
        other = _row(beside, task)
        if other is None or other["status"] != "ok":
            text = f"{task}: {beside.label} has no score to compare {line.label} with"
            unpaired[task, line.name] = text
            yield Score(row, estimate)
            continue
        found = _own_difference(line, row, beside) or pair(line.run, row, beside.run, other)
        if isinstance(found, str):
            _note_unpaired(unpaired, task, line.run, beside, found)
            yield Score(row, estimate)
            continue
        yield Score(row, estimate, beside.name, found.get(metric))


def _row(line: Line, task: str) -> Row | None:
    return next((row for row in line.rows if row["task"] == task), None)


def _own_difference(line: Line, row: Row, beside: Line) -> Mapping[str, Estimate] | None:
    """Return the difference that the run itself has made, if it is to this baseline."""
    own = row.get("difference")
    if own and beside.run is line.run and beside.host == line.host:
        return own["metrics"] if own["baseline"] == beside.injection else None
    return None


def _note_unpaired(unpaired: Unpaired, task: str, run: Run, beside: Line, reason: str) -> None:
    if run is beside.run:
        text = f"{task}: rows of {run.label} are not compared with {beside.label}: {reason}"
        unpaired.setdefault((task, beside.name, run.label), text)
    else:
        _note_apart(unpaired, task, run, beside.run, reason)


def _note_apart(unpaired: Unpaired, task: str, run: Run, other: Run, reason: str) -> None:
    first, second = sorted((run.label, other.label))
    text = f"{task}: rows of {first} and of {second} are not compared with each other: {reason}"
    unpaired.setdefault((task, first, second), text)


def find_apart(
    runs: Sequence[Run], tasks: Sequence[str], pair: Pair, unpaired: Unpaired
) -> dict[str, list[list[Run]]]:
    """Return for each task its runs in groups whose scores are of the same test.

    What keeps a group apart from those before it is noted.
    """
    return {task: _groups(runs, task, pair, unpaired) for task in tasks}


def _groups(runs: Sequence[Run], task: str, pair: Pair, unpaired: Unpaired) -> list[list[Run]]:
    found: list[tuple[Row, list[Run]]] = []
    for run in runs:
        row = next((row for row in run.rows([task]) if row["status"] == "ok"), None)
        if row is None:
            continue
        for first, group in found:
            reason = pair(run, row, group[0], first)
            if not isinstance(reason, str):
                group.append(run)
                break
            _note_apart(unpaired, task, run, group[0], reason)
        else:
            found.append((row, [run]))
    return [group for _, group in found]
