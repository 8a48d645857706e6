"""Comparisons in every format, of the example results and of hostile ones."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from kpframework.report import external_references
from kpframework.report.compare import Choice, Comparison, Run, compare, labelled
from kpframework.report.compare_formats import FORMATS, rendered
from kpframework.report.compare_table import comparison_grid, split_grid
from kpframework.report.latex import escaped
from kpframework.report.model import Row
from kpframework.report.table import TerminalGrid

from .test_page import PAYLOADS, Shape, everywhere

RowOf = Callable[[dict[str, Any], str], dict[str, Any]]


def unpaired(run: Run, row: Row, other_run: Run, other: Row) -> str:
    return f"{run.label} and {other_run.label} share nothing"


def compared(*results: Any, **choice: Any) -> Comparison:
    found = [(Path(f"runs/r{number}"), own) for number, own in enumerate(results)]
    return compare(labelled(found), Choice(**choice), unpaired)


@pytest.fixture
def comparison(results: dict[str, Any]) -> Comparison:
    other = copy.deepcopy(results)
    other["name"] = "later"
    return compared(results, other)


@pytest.mark.parametrize("form", FORMATS)
def test_a_row_that_trains_its_host_is_marked_in_every_format(
    comparison: Comparison, form: str
) -> None:
    text = rendered(comparison, form)
    if form == "csv":
        marked = {r["row"]: r["trains_host"] for r in csv.DictReader(io.StringIO(text))}
        assert marked["quickstart:knowbert"] == "true"
        assert marked["later:map-task"] == "false"
    elif form == "json":
        marks = {r["label"]: r["trains_host"] for r in json.loads(text)["rows"]}
        assert marks["quickstart:knowbert"] is True
        assert marks["later:map-task"] is False
    else:
        assert text.count("trains the host") >= 4


def test_every_cost_is_a_column(comparison: Comparison) -> None:
    grid = comparison_grid(comparison)
    line = next(line for line in grid.lines if line[0].text == "later:map-task")
    shown = dict(zip([c.title for c in grid.columns], [cell.text for cell in line], strict=True))
    assert shown == {
        "row": "later:map-task",
        "micro-F1 %": "51.9",
        "vs frozen": "+3.2",
        "trained params": "148,224",
        "train s": "42.0",
        "peak MB": "1,180",
        "ms per example": "3.90",
        "extra tokens": "1.8",
        "change of the KB": "free",
        "plug-and-play": "yes",
    }


def test_memory_of_an_accelerator_stands_before_that_of_the_process(
    results: dict[str, Any], row_of: RowOf
) -> None:
    row_of(results, "map-task")["memory"]["accelerator"] = 2_000_000_000
    comparison = compared(results)
    grid = comparison_grid(comparison)
    place = [column.title for column in grid.columns].index("peak MB")
    cells = {line[0].text: line[place] for line in grid.lines}
    assert (cells["map-task"].text, cells["map-task"].detail) == ("2,000", "accelerator")
    assert cells["knowbert"].detail == "process"
    assert any("process" in note and "accelerator" in note for note in comparison.notes)


def test_halves_of_the_table_hold_all_of_it(comparison: Comparison) -> None:
    grid, (scores, costs) = comparison_grid(comparison), split_grid(comparison)
    assert [*scores.columns, *costs.columns[1:]] == list(grid.columns)
    assert len(scores.lines) == len(costs.lines) == len(grid.lines) == 16


def test_best_plug_and_play_score_is_bold_in_latex_though_one_that_trains_the_host_is_better(
    comparison: Comparison,
) -> None:
    text = rendered(comparison, "latex")
    bold = [line for line in text.splitlines() if r"\textbf{" in line]
    assert [line.split(" & ")[0] for line in bold] == [
        "{}quickstart:map{-}task",
        "{}later:map{-}task",
    ]
    assert all(r"\textbf{51.9}" in line for line in bold)
    assert "& 53.1 " in text
    assert text.count(r"\toprule") == text.count(r"\bottomrule") == 1


def test_best_is_marked_among_runs_that_share_their_test_alone(results: dict[str, Any]) -> None:
    weaker = copy.deepcopy(results) | {"name": "later"}
    for row in weaker["rows"]:
        if row["status"] == "ok":
            row["metrics"]["micro_f1"]["mean"] -= 0.1

    def best(pair: Any) -> list[str]:
        runs = labelled([(Path("a"), results), (Path("b"), weaker)])
        lines = compare(runs, Choice(), pair).lines
        return [line.label for line in lines if line.scores[0].best]

    assert best(lambda *_: {}) == ["quickstart:map-task"]
    assert best(unpaired) == ["quickstart:map-task", "later:map-task"]


def test_neither_a_control_nor_a_line_on_its_own_is_best(
    results: dict[str, Any], row_of: RowOf
) -> None:
    row_of(results, "random-vectors")["metrics"]["micro_f1"]["mean"] = 0.9
    lines = compared(results).lines
    assert [line.label for line in lines if line.scores[0].best] == ["map-task"]
    alone = {**results, "name": "alone", "rows": results["rows"][2:3]}
    lines = compared(results, alone).lines
    assert [line.label for line in lines if line.scores[0].best] == ["quickstart:map-task"]


def test_latex_sets_minus_signs_and_marks(results: dict[str, Any]) -> None:
    text = rendered(compared(results), "latex")
    assert r"$-$1.8$^{*}$ {\scriptsize [$-$2.7, $-$0.7]}" in text


def test_runs_of_one_name_are_named_by_their_folders(results: dict[str, Any]) -> None:
    comparison = compared(results, copy.deepcopy(results))
    assert [run.label for run in comparison.runs] == ["r0", "r1"]
    assert comparison.lines[0].label == "r0:frozen"
    twice = labelled([(Path("a/run"), results), (Path("b/run"), results)])
    assert [run.label for run in twice] == ["a/run", "b/run"]


def test_what_was_not_compared_is_said_once(results: dict[str, Any]) -> None:
    comparison = compared(results, {**results, "name": "later"}, baseline="later:frozen")
    said = "organ-system: rows of later and of quickstart are not compared with each other: "
    assert sum(note.startswith(said) for note in comparison.notes) == 1
    own = [line for line in comparison.lines if line.run.label == "quickstart"]
    assert not any(score.difference for line in own for score in line.scores)


def test_leaks_of_a_task_that_is_not_shown_are_not_told(results: dict[str, Any]) -> None:
    leaks = {"instances": 9, "checked": 8, "joined": 7}
    results["knowledge"][0]["leaks"] = [
        {"task": task, **leaks} for task in ("organ-system", "relations")
    ]
    (note,) = (own for own in compared(results).notes if own.startswith("hpo: "))
    assert note.endswith("7 of 9 test instances of organ-system (of 8 it has both ends)")


def test_a_baseline_is_on_the_rows_own_host(results: dict[str, Any]) -> None:
    results["rows"] += [copy.deepcopy(row) | {"host": "lora"} for row in results["rows"][:3]]
    comparison = compared(results)
    baselines = {line.name: line.scores[0].baseline for line in comparison.lines}
    assert baselines["map-task@lora"] == "frozen@lora"
    assert baselines["map-task@full"] == "frozen@full"
    assert [c.title for c in comparison_grid(comparison).columns][:2] == ["row", "host"]


def test_a_host_without_the_baseline_is_a_note(results: dict[str, Any]) -> None:
    results["rows"].append(copy.deepcopy(results["rows"][2]) | {"host": "lora"})
    notes = compared(results).notes
    assert "map-task is not compared: frozen has no row on lora" in notes


def test_a_failed_row_says_so_with_its_reason(comparison: Comparison) -> None:
    for form in ("text", "md", "html"):
        assert "prompt failed" in rendered(comparison, form)
    scores = {row["label"]: row for row in json.loads(rendered(comparison, "json"))["rows"]}
    assert scores["later:prompt"]["scores"][0]["status"] == "failed"


def test_least_results_make_every_format(bare: dict[str, Any]) -> None:
    for form in FORMATS:
        assert "frozen" in rendered(compared(bare), form)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_stays_text_on_the_page(results: dict[str, Any], payload: str) -> None:
    pages = []
    for prefix in (payload, "x" * len(payload)):
        own = everywhere(results, prefix)
        pages.append(rendered(compared(own, {**own, "name": prefix}), "html"))
    assert Shape(pages[0]).tags == Shape(pages[1]).tags
    assert external_references(pages[0]) == []
    assert "default-src 'none'" in pages[0]


HOSTILE = r"\input{/etc/passwd} %&_#^~${}|[=cmd()] `x` <b>*y*</b>" + "\x1b[2J\u202e\nnext"


@pytest.mark.parametrize("form", FORMATS)
def test_hostile_text_steers_no_terminal(results: dict[str, Any], form: str) -> None:
    text = rendered(compared(everywhere(results, HOSTILE)), form)
    shown = [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf"}]
    assert shown == []


def test_hostile_text_is_no_command_of_latex(results: dict[str, Any]) -> None:
    text = rendered(compared(everywhere(results, HOSTILE)), "latex")
    known = (
        "usepackage begin end toprule midrule bottomrule textbf scriptsize footnotesize par "
        "raggedright textbackslash textasciicircum textasciitilde textless textgreater textbar "
        "symbol textasciigrave"
    )
    comment, *body = text.splitlines()
    assert comment.startswith("% ")
    assert set(re.findall(r"\\([a-zA-Z]+)", "\n".join(body))) <= set(known.split())
    plain = re.sub(r"\\[\\{}$&#%_]", "", "\n".join(body[1:]))
    assert plain.count("{") == plain.count("}")
    assert not set('#^~<>|"`') - {"^"} & set(plain)
    assert re.findall(r"\^(?!\{\*\})", plain) == []
    benign = rendered(compared(everywhere(results, "x")), "latex")
    assert len(text.splitlines()) == len(benign.splitlines())
    columns = [line.count(" & ") for line in benign.splitlines()]
    assert [re.sub(r"\\&", "", line).count(" & ") for line in text.splitlines()] == columns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (r"a\b{c}", r"a\textbackslash{}b\{c\}"),
        ("50 % & $1_000 #1 ~^", r"50 \% \& \$1\_000 \#1 \textasciitilde{}\textasciicircum{}"),
        ("--a", "{-}{-}a"),
    ],
)
def test_latex_escapes(text: str, said: str) -> None:
    assert escaped(text) == said


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1"])
def test_no_cell_of_csv_is_a_formula(results: dict[str, Any], start: str) -> None:
    text = rendered(compared(everywhere(results, start)), "csv")
    cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
    numbers = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@")) and not numbers.fullmatch(c)]


def test_hostile_text_is_no_markup_of_markdown(results: dict[str, Any]) -> None:
    lines = rendered(compared(everywhere(results, "|<b>`[x](y)")), "md").splitlines()
    table = [line for line in lines if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table}) == 1
    assert not re.search(r"(?<!\\)[<`\[]", "\n".join(lines).replace("\\\\", ""))


@pytest.mark.parametrize("width", [40, 80, 120, 400])
def test_the_terminal_is_never_exceeded(comparison: Comparison, width: int) -> None:
    for grid in (comparison_grid(comparison), *split_grid(comparison)):
        out = io.StringIO()
        Console(file=out, width=width).print(TerminalGrid("title", grid, comparison.notes))
        assert max(map(len, out.getvalue().splitlines())) <= width
