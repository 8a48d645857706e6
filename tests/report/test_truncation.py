"""What did not fit into the inputs, on the page and beneath the tables."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpframework.report.compare import Choice, compare, labelled
from kpframework.report.page import render_page
from kpframework.report.table import plain_table
from kpframework.report.tables import training_table
from kpframework.report.truncation import truncation_notes, truncation_table

from .test_page import Shape

RowOf = Callable[[dict[str, Any], str], dict[str, Any]]


def test_inputs_that_were_cut_are_said_of_every_row_the_frozen_one_too(
    results: dict[str, Any],
) -> None:
    cut, lost = truncation_notes(results)
    assert cut.startswith("organ-system, inputs cut to max_length: 4 of 1,842 (frozen); 6 of ")
    assert "map-task-shuffled" in cut
    assert lost.startswith("organ-system, knowledge that did not fit: 0.1 % of it, all of it in 2 ")
    assert cut in plain_table(results)
    assert lost in plain_table(results)


def test_the_page_has_a_line_for_each_row_with_what_was_pushed_out(results: dict[str, Any]) -> None:
    text = Shape(render_page(results)).text
    assert "What did not fit" in text
    assert "lost to truncation" not in text
    grid = truncation_table(results)
    assert grid is not None
    lines = {line[0].text: [cell.text for cell in line[1:]] for line in grid.lines}
    assert lines["frozen"] == ["4 of 1,842", "4 of 1,842", "0", "-", "-"]
    assert lines["map-task"] == ["6 of 1,842", "4 of 1,842", "11", "4,170 of 4,174", "2 of 1,608"]


@pytest.mark.parametrize("part", ["cut", "knowledge"])
def test_nothing_is_said_where_nothing_was_lost(
    results: dict[str, Any], row_of: RowOf, part: str
) -> None:
    for row in results["rows"]:
        if own := row.get("truncation"):
            own["cut"] = own["cut_without_knowledge"] = own["displaced_tokens"] = 0
            own["knowledge"]["kept"] = own["knowledge"]["wanted"]
    assert truncation_notes(results) == []
    assert truncation_table(results) is None
    assert "What did not fit" not in render_page(results)
    own = row_of(results, "map-task")["truncation"]
    if part == "cut":
        own["cut"] = 1
    else:
        own["knowledge"]["kept"] -= 1
    assert len(truncation_notes(results)) == 1
    assert truncation_table(results) is not None


def test_what_all_rows_share_is_said_once(results: dict[str, Any]) -> None:
    for row in results["rows"]:
        if own := row.get("truncation"):
            own["cut"] = 7
    cut = truncation_notes(results)[0]
    assert cut == "organ-system, inputs cut to max_length: 7 of 1,842 (every row)"


def test_a_comparison_says_it_of_each_run(results: dict[str, Any]) -> None:
    other = copy.deepcopy(results) | {"name": "later"}
    runs = labelled([(Path("a"), results), (Path("b"), other)])
    notes = compare(runs, Choice(), lambda *_: "apart").notes
    assert any(note.startswith("later, organ-system, inputs cut") for note in notes)


def test_a_run_of_an_older_version_says_nothing_of_it(bare: dict[str, Any]) -> None:
    assert truncation_notes(bare) == []
    assert truncation_table(bare) is None


def test_the_page_says_what_each_training_left_out(results: dict[str, Any]) -> None:
    grid = training_table(results)
    assert grid is not None
    lines = {line[0].text: [cell.text for cell in line[1:]] for line in grid.lines}
    assert lines["map-general"] == ["5,000", "812", "0", "7,316", "205", "7,111"]
    assert lines["map-task"][1] == "117"
    assert "frozen" not in lines
    assert "What each training read" in render_page(results)
    for row in results["rows"]:
        row.pop("trained_on", None)
    assert training_table(results) is None
