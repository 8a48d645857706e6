"""What a comparison of runs is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kpframework.errors import SpecError
from kpframework.plugins.lookup import did_you_mean
from kpframework.report.grid import host_moved
from kpframework.report.model import Estimate, Results, Row


@dataclass(frozen=True)
class Run:
    """A run that is compared."""

    label: str
    """Its name, or its folder's where several runs have one name."""
    results: Results
    source: Path

    def rows(self, tasks: Sequence[str]) -> list[Row]:
        """Return its rows of some tasks, in the table's order."""
        return [row for row in self.results["rows"] if row["task"] in tasks]


Pair = Callable[[Run, Row, Run, Row], Mapping[str, Estimate] | str]
"""A row less another, for each metric; or why the two cannot be compared in pairs."""


@dataclass(frozen=True)
class Score:
    """What a line has in one column."""

    row: Row | None
    """None where the run has no such row."""
    estimate: Estimate | None = None
    baseline: str = ""
    """`Line.name` of what is subtracted; the line's own where it is the baseline itself."""
    difference: Estimate | None = None
    best: bool = False
    """No other plug-and-play line of a run with the same tests has more, at the precision shown;
    controls do not count."""


@dataclass
class Line:
    """An injection on a host, of one run."""

    run: Run
    injection: str
    host: str
    label: str
    rows: list[Row]
    scores: list[Score] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What names the line among all, as ``--baseline`` takes it."""
        return f"{self.label}@{self.host}"

    @property
    def plug_and_play(self) -> bool:
        """Whether every row left its host as it was."""
        return not any(row.get("trains_host") or host_moved(row) for row in self.rows)

    @property
    def control(self) -> bool:
        """Whether it shows what no knowledge brings."""
        return any(row.get("control") for row in self.rows)


@dataclass(frozen=True)
class Comparison:
    """The joined table."""

    runs: list[Run]
    columns: list[tuple[str, str]]
    """Task and metric."""
    lines: list[Line]
    baseline: str
    """The row that was asked for, or the first run's own baseline."""
    notes: list[str]


@dataclass(frozen=True)
class Choice:
    """What is shown; empty is everything, of each task the metric it is compared by."""

    tasks: Sequence[str] = ()
    metrics: Sequence[str] = ()
    baseline: str | None = None
    """``[RUN:]ROW[@HOST]``."""


def labelled(found: Sequence[tuple[Path, Results]]) -> list[Run]:
    """Name runs: by name, where names collide by folder, where those do by the whole path."""
    runs = []
    names = [results["name"] for _, results in found]
    folders = [source.name for source, _ in found]
    for (source, results), name, folder in zip(found, names, folders, strict=True):
        unique = folder if folders.count(folder) == 1 and folder not in names else str(source)
        runs.append(Run(name if names.count(name) == 1 else unique, results, source))
    return runs


def check_known(kind: str, name: str, names: Sequence[str]) -> None:
    """Refuse a name that is not among those there are.

    Raises:
        SpecError: KP810, with the name that may have been meant.
    """
    if name not in names:
        choices = list(dict.fromkeys(names))
        raise SpecError(
            "KP810",
            f"no {kind} of these runs is named {name!r}.{did_you_mean(name, choices)}",
            f"choose from: {', '.join(choices)}",
        )
