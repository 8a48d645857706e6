from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kpframework.errors import SpecError
from kpframework.report import load_results


def test_results_are_returned_unchanged(results: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(results), "utf-8")
    assert load_results(tmp_path) == results


def test_folder_without_results_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_results(tmp_path)
    assert caught.value.code == "KP801"
    assert "kpframework run" in caught.value.problems[0].fix


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000, b'{"name": NaN}']
)
def test_file_that_is_no_results_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(content)
    with pytest.raises(SpecError) as caught:
        load_results(tmp_path)
    assert caught.value.code == "KP802"


def test_wrong_shape_names_the_place(results: dict[str, Any], tmp_path: Path) -> None:
    results["rows"][2]["metrics"]["micro_f1"]["mean"] = "half"
    (tmp_path / "results.json").write_text(json.dumps(results), "utf-8")
    with pytest.raises(SpecError, match=r"rows\.2\.metrics\.micro_f1\.mean"):
        load_results(tmp_path)
