from __future__ import annotations

import copy
import io
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kpframework.report import markdown_table, plain_table, show_table, terminal_table
from kpframework.report.grid import results_grid

GOLDEN = Path(__file__).with_name("plain_table.txt")
RowOf = Callable[[dict[str, Any], str], dict[str, Any]]


def in_terminal(results: dict[str, Any], width: int = 120, color: bool = False) -> str:
    out = io.StringIO()
    system: Any = "truecolor" if color else None
    Console(file=out, width=width, force_terminal=True, color_system=system).print(
        terminal_table(results)
    )
    return out.getvalue()


def test_plain_table_is_as_agreed(results: dict[str, Any]) -> None:
    assert plain_table(results) == GOLDEN.read_text("utf-8")


def test_mark_stands_exactly_where_the_interval_excludes_zero(
    results: dict[str, Any], row_of: RowOf
) -> None:
    grid = results_grid(results)
    marks = {line[0].text: line[2].mark for line in grid.lines}
    for row in results["rows"]:
        if row.get("difference"):
            clear = row["difference"]["metrics"]["micro_f1"]["excludes_zero"]
            assert marks[row["injection"]] == ("*" if clear else "")


def test_a_record_without_counts_of_what_was_checked_claims_none(results: dict[str, Any]) -> None:
    excluded = results["knowledge"][1]["excluded"]
    for name in ("checked", "test_instances", "leaking_test_instances"):
        del excluded[name]
    del results["knowledge"][1]["leaks"]
    assert "(match: head), 2,311 triples left out\n" in plain_table(results)


LEAKS = {"task": "relations", "instances": 1560, "checked": 1412, "joined": 34}
JOINED = (
    "join the two ends of 34 of 1,560 test instances of relations (of 1,412 it has both ends)\n"
)


def test_test_instances_that_a_triple_joins_are_told_of_every_task(results: dict[str, Any]) -> None:
    for knowledge in results["knowledge"]:
        knowledge["leaks"] = [LEAKS]
    text = plain_table(results)
    assert f"triples are used as they are; its triples {JOINED}" in text
    assert f"leaking of test: 1,608 of 1,842; the triples left {JOINED}" in text


def test_test_instances_that_the_exclusion_did_not_look_at_are_told(
    results: dict[str, Any],
) -> None:
    del results["knowledge"][1]["excluded"]["test_instances"]
    said = "could be checked; leaks of organ-system could not be counted: no test instance gives"
    assert said in plain_table(results)


def test_leaks_that_were_not_counted_do_not_read_as_none(results: dict[str, Any]) -> None:
    old, failed = results["knowledge"]
    del old["leaks"]
    failed["leaks"] = [{"task": "organ-system", "error": "leaks[hpo/organ-system]: no id"}]
    text = plain_table(results)
    assert "triples are used as they are; leaking test instances are not counted\n" in text
    assert "leaks of organ-system were not counted: leaks[hpo/organ-system]: no id\n" in text


def test_failed_row_shows_its_reason(results: dict[str, Any]) -> None:
    text = plain_table(results)
    assert "prompt failed: error[KP720]: 4 verbalised triples do not fit" in text


def test_rows_that_train_or_change_the_host_say_so(results: dict[str, Any], row_of: RowOf) -> None:
    assert "knowbert (trains the host)" in plain_table(results)
    row_of(results, "map-task")["fingerprint"][1]["unchanged"] = False
    text = plain_table(results)
    assert "map-task (HOST CHANGED)" in text
    assert "a defect" in text


def test_subset_column_names_the_most_covered_one_and_its_size(results: dict[str, Any]) -> None:
    titles = [column.title for column in results_grid(results).columns]
    assert "in KB (n=1,608)" in titles


def test_sizes_stand_in_the_cells_where_rows_cover_differently(
    results: dict[str, Any], row_of: RowOf
) -> None:
    row_of(results, "map-task")["subsets"][0]["count"] = 331
    grid = results_grid(results)
    at = [column.title for column in grid.columns].index("in KB")
    shown = {line[0].text: line[at].text for line in grid.lines}
    assert shown["map-task"].endswith("(n=331)")
    assert shown["frozen"].endswith("(n=1,608)")


def test_subset_column_is_left_out_when_it_holds_every_example(results: dict[str, Any]) -> None:
    for row in results["rows"]:
        row["subsets"] = [s | {"count": 1842} for s in row.get("subsets", [])[:1]]
    assert not [c for c in results_grid(results).columns if "in KB" in c.title]


def test_hosts_and_tasks_get_columns_of_their_own_when_there_are_several(
    results: dict[str, Any],
) -> None:
    results["tasks"].append({"id": "other", "type": "x", "metrics": ["accuracy"]})
    moved = [copy.deepcopy(row) | {"host": "lora"} for row in results["rows"]]
    results["rows"] += moved
    grid = results_grid(results)
    titles = [column.title for column in grid.columns]
    assert titles[:4] == ["row", "host", "organ-system micro-F1 %", "organ-system vs frozen"]
    assert "other accuracy %" in titles
    assert len(grid.lines) == len(results["rows"])
    assert all(len(line) == len(titles) for line in grid.lines)


def test_least_results_make_every_table(bare: dict[str, Any]) -> None:
    for text in (plain_table(bare), markdown_table(bare), in_terminal(bare)):
        assert "frozen" in text


@pytest.mark.parametrize("width", [40, 80, 100, 200])
def test_terminal_table_never_exceeds_the_terminal(results: dict[str, Any], width: int) -> None:
    lines = in_terminal(results, width).splitlines()
    assert max(map(len, lines)) <= width


def test_terminal_table_keeps_numbers_whole_at_eighty_columns(results: dict[str, Any]) -> None:
    text = in_terminal(results, 80)
    assert "[+1.9, +4.6]" in text
    assert "148,224" in text


def test_texts_are_not_read_as_rich_markup_and_cannot_steer_the_terminal(
    results: dict[str, Any],
) -> None:
    results["rows"][1]["injection"] = "[bold]x[/bold]\x1b[2J\x07\u202e"
    results["rows"][-1]["error"] = "\x1b]0;owned\x07 [link=file:///]x"
    text = in_terminal(results, 300)
    assert "[bold]x[/bold]\\x1b[2J\\x07\\u202e" in text
    for shown in (text, plain_table(results), markdown_table(results)):
        assert not [c for c in shown if c != "\n" and unicodedata.category(c) in {"Cc", "Cf"}]


def test_markdown_table_escapes_what_acts_as_markup(results: dict[str, Any]) -> None:
    results["rows"][1]["injection"] = "a|b <img src=x> [c](javascript:d) `e`"
    line = next(line for line in markdown_table(results).splitlines() if "img" in line)
    assert "a\\|b \\<img src=x\\> \\[c\\](javascript:d) \\`e\\`" in line
    assert line.replace("\\|", "").count("|") == len(results_grid(results).columns) + 1


def test_show_table_is_plain_when_piped(
    results: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    show_table(results)
    assert capsys.readouterr().out == plain_table(results)
