from __future__ import annotations

import pytest

from kpframework.report import numbers


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.5214, "52.1"), (0.0, "0.0"), (1.0, "100.0"), (None, "-"), (float("nan"), "-")],
)
def test_shares_are_percent_with_one_decimal(value: float | None, shown: str) -> None:
    assert numbers.percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0323, "+3.2"), (-0.0021, "-0.2"), (0.0, "0.0"), (-0.0002, "-0.0"), (None, "-")],
)
def test_differences_are_points_with_their_sign(value: float | None, shown: str) -> None:
    assert numbers.points(value) == shown


def test_interval_without_a_bound_is_not_shown() -> None:
    assert numbers.percent_interval([0.5, 0.6]) == "[50.0, 60.0]"
    assert numbers.points_interval([-0.01, 0.02]) == "[-1.0, +2.0]"
    assert numbers.percent_interval([0.5, None]) == ""
    assert numbers.percent_interval(None) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (59.7, "1 min"),
        (312, "5 min 12 s"),
        (7380, "2 h 3 min"),
        (None, "-"),
    ],
)
def test_durations_read_like_durations(seconds: float | None, shown: str) -> None:
    assert numbers.duration(seconds) == shown


def test_counts_are_short_enough_for_a_column() -> None:
    assert numbers.compact(148224) == "148,224"
    assert numbers.compact(22_713_216) == "22.7 M"
    assert numbers.compact(None) == "-"
    assert numbers.plural(1, "seed") == "1 seed"
    assert numbers.plural(3, "seed") == "3 seeds"


def test_metric_names_are_written_as_in_prose() -> None:
    assert numbers.metric_name("micro_f1") == "micro-F1"
    assert numbers.metric_name("accuracy") == "accuracy"


def test_page_numbers_have_real_minus_signs_and_do_not_break() -> None:
    assert numbers.typeset("[-1.0, +2.0]") == "[\N{MINUS SIGN}1.0,\N{NO-BREAK SPACE}+2.0]"
    assert numbers.typeset("52.1 %") == "52.1\N{NO-BREAK SPACE}%"
    assert numbers.typeset("map-2 of 2025-05-06") == "map-2 of 2025-05-06"
    assert numbers.typeset("-") == "\N{EN DASH}"
