from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from kpframework.cli.root import run
from kpframework.report import plain_table

EXAMPLE = Path(__file__).parents[1] / "report" / "results_example.json"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(EXAMPLE, tmp_path / "results.json")
    return tmp_path


def test_report_shows_the_table_and_writes_the_page(folder: Path, capsys: Capture) -> None:
    assert run(["report", str(folder)]) == 0
    page = folder / "report.html"
    out = capsys.readouterr().out
    assert out == plain_table(json.loads(EXAMPLE.read_text("utf-8"))) + f"\npage     {page}\n"
    assert page.read_text("utf-8").startswith("<!doctype html>")


def test_report_writes_the_page_where_it_is_told(folder: Path, capsys: Capture) -> None:
    assert run(["report", str(folder), "-o", str(folder / "other.html")]) == 0
    assert (folder / "other.html").exists()
    assert not (folder / "report.html").exists()


def test_report_json_is_the_results_and_nothing_else(folder: Path, capsys: Capture) -> None:
    assert run(["report", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(EXAMPLE.read_text("utf-8"))
    assert not (folder / "report.html").exists()


def test_report_of_an_empty_folder_is_a_message(tmp_path: Path, capsys: Capture) -> None:
    assert run(["report", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error[KP801]")
    assert "Traceback" not in err


def test_page_that_cannot_be_written_is_a_message(folder: Path, capsys: Capture) -> None:
    assert run(["report", str(folder), "-o", str(folder / "no" / "page.html")]) == 1
    assert capsys.readouterr().err.startswith("error[KP803]")
