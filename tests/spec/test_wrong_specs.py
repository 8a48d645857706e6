"""Each wrong spec in ``wrong/`` gives exactly the text beside it.

``KP_WRITE_GOLDEN=1 pytest tests/spec/test_wrong_specs.py`` rewrites the texts: read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from kpframework.error_codes import ERROR_CODES
from kpframework.errors import SpecError
from kpframework.spec import load_spec

WRONG = Path(__file__).parent / "wrong"
SPECS = sorted(
    p for p in WRONG.iterdir() if p.suffix in (".json", ".yaml", ".toml", ".ini") and p.is_file()
)


def _overrides(path: Path) -> list[str]:
    arguments = path.with_suffix(".args")
    return arguments.read_text(encoding="utf-8").splitlines() if arguments.exists() else []


def _text(error: SpecError) -> str:
    return str(error).replace(str(WRONG), "<here>") + "\n"


def _expected(path: Path) -> Path:
    return path.with_name(path.name + ".txt")


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.name)
def test_message_is_the_golden_one(
    path: Path, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(WRONG)
    with pytest.raises(SpecError) as caught:
        load_spec(path.name, _overrides(path), registry)
    text = _text(caught.value)
    if os.environ.get("KP_WRITE_GOLDEN"):
        _expected(path).write_text(text, encoding="utf-8")
    assert text == _expected(path).read_text(encoding="utf-8")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.name)
def test_every_problem_has_a_place_a_sentence_and_an_explained_code(
    path: Path, registry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(WRONG)
    with pytest.raises(SpecError) as caught:
        load_spec(path.name, _overrides(path), registry)
    for problem in caught.value.problems:
        assert problem.code in ERROR_CODES
        assert problem.where or path.name in problem.message
        assert len(problem.message) > 10
        assert "Traceback" not in problem.message


def test_there_are_at_least_twenty() -> None:
    assert len(SPECS) >= 20
