from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kpframework.report.summary import Finding, findings

RowOf = Callable[[dict[str, Any], str], dict[str, Any]]


def change(row: dict[str, Any], mean: float, low: float, high: float) -> None:
    row["difference"]["metrics"]["micro_f1"] = {
        "mean": mean,
        "interval": [low, high],
        "excludes_zero": low > 0 or high < 0,
    }


def finding(results: dict[str, Any], name: str) -> Finding:
    return next(f for f in findings(results) if f.subject == name)


def test_gain_that_the_control_lacks_is_the_vectors(results: dict[str, Any]) -> None:
    found = finding(results, "map-task")
    assert found.numbers == "51.9 % micro-F1, +3.2 points against frozen [+1.9, +4.6]"
    assert found.reading == (
        "A clear gain. Shuffled control: -0.2 [-1.0, +0.7]: what the vectors hold, not the extra "
        "parameters, brings the gain."
    )


def test_gain_that_the_control_shares_is_not_credited_to_knowledge(
    results: dict[str, Any], row_of: RowOf
) -> None:
    change(row_of(results, "map-task-shuffled"), 0.03, 0.017, 0.045)
    assert "that the knowledge brings it is not shown" in finding(results, "map-task").reading


def test_gain_above_a_control_that_gains_is_split(results: dict[str, Any], row_of: RowOf) -> None:
    change(row_of(results, "map-task-shuffled"), 0.01, 0.004, 0.016)
    assert "a part of the gain" in finding(results, "map-task").reading


def test_overlap_with_the_control_stays_open(results: dict[str, Any], row_of: RowOf) -> None:
    change(row_of(results, "map-task-shuffled"), 0.012, -0.002, 0.026)
    assert "stays open" in finding(results, "map-task").reading


def test_interval_with_zero_is_no_clear_difference(results: dict[str, Any]) -> None:
    found = finding(results, "map-general")
    assert found.verdict == "unclear"
    assert found.reading.startswith("No clear difference: the interval includes 0.")


def test_loss_is_called_worse(results: dict[str, Any]) -> None:
    assert finding(results, "random-vectors").reading.startswith("Worse than the baseline.")


def test_gain_without_control_is_not_explained(results: dict[str, Any]) -> None:
    assert "are not told apart" in finding(results, "map-task-heldout").reading


def test_row_that_trains_the_host_is_never_called_plug_and_play(results: dict[str, Any]) -> None:
    assert "not plug-and-play" in finding(results, "knowbert").reading


def test_host_that_moved_is_not_to_be_trusted(results: dict[str, Any], row_of: RowOf) -> None:
    row_of(results, "map-task")["plug_and_play"] = False
    assert "do not trust it" in finding(results, "map-task").reading


@pytest.mark.parametrize("named", ["map-general", None])
def test_control_is_matched_by_what_the_run_says_or_by_its_id(
    results: dict[str, Any], row_of: RowOf, named: str | None
) -> None:
    row_of(results, "map-task-shuffled")["control_of"] = named
    change(row_of(results, "map-general"), 0.03, 0.02, 0.04)
    expected = named or "map-task"
    readers = [f.subject for f in findings(results) if "Shuffled control" in f.reading]
    assert readers == [expected]


def test_control_of_nothing_certain_stands_alone(results: dict[str, Any]) -> None:
    assert "This row is a control" in finding(results, "random-vectors").reading


def test_failed_rows_and_the_baseline_have_no_finding(results: dict[str, Any]) -> None:
    subjects = [f.subject for f in findings(results)]
    assert "prompt" not in subjects
    assert "frozen" not in subjects
