from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpframework import plugins
from kpframework.cli.root import run

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def installed(registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "load", lambda: registry, raising=False)


def test_validate_counts_what_a_valid_spec_has(
    spec: dict[str, Any], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(spec)
    assert run(["validate", "spec.json"]) == 0
    captured = capsys.readouterr()
    assert captured.out == (
        "spec.json is valid: 1 knowledge, 1 corpus, 1 task, 2 hosts, 4 injections, 2 seeds\n"
    )
    assert captured.err == ""


def test_validate_json_is_json(
    spec: dict[str, Any], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(spec)
    assert run(["validate", "spec.json", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["hosts"] == 2


def test_validate_fill_prints_a_spec_that_is_valid(
    spec: dict[str, Any], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write(spec)
    assert run(["validate", "spec.json", "--fill", "--set", "description=fïlled\u200b"]) == 0
    filled = capsys.readouterr().out
    assert json.loads(filled)["description"] == "fïlled\u200b"
    write(filled, "filled.json")
    assert run(["validate", "filled.json"]) == 0


def test_validate_shows_every_problem_and_exits_with_2(
    spec: dict[str, Any], write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    spec["injections"][1]["mapper"]["hiden"] = 3
    spec["seeds"] = []
    write(spec)
    assert run(["validate", "spec.json"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "KP301" in captured.err
    assert "KP303" in captured.err
    assert "Traceback" not in captured.err


def test_schema_is_written_and_printed_alike(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert run(["schema", "-o", "schema.json"]) == 0
    assert json.loads((folder / "schema.json").read_text()) == printed
    assert [p.name for p in folder.iterdir() if p.name.endswith(".tmp")] == []


def test_schema_into_a_missing_folder_is_an_error(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["schema", "-o", "nowhere/schema.json"]) == 2
    assert "KP120" in capsys.readouterr().err
