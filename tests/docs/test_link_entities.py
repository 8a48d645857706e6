"""The page on linkers: its sections are valid, and its Python prints what it says."""

import subprocess
import sys
from pathlib import Path

import pytest

from kpframework.api import ComponentRef
from kpframework.plugins import load
from kpframework.spec.resolve import bind_ref

from .conftest import ROOT, Block, blocks

PAGE = ROOT / "docs/how-to/link-entities.md"


@pytest.mark.parametrize("block", blocks("json", pages=[PAGE]), ids=str)
def test_a_linker_of_the_page_is_a_valid_section(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref = ComponentRef.model_validate_json(block.text)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my-pipeline").mkdir()
    for name in ("bern2.json", "gold.pubtator"):
        (tmp_path / name).touch()
    if ref.type == "spacy":
        pytest.importorskip("kp_plugin_spacy", reason="kp-plugin-spacy is not installed")
    assert bind_ref("linker", ref, load()).type == ref.type


def test_the_pages_python_prints_what_it_says(tmp_path: Path) -> None:
    (code,) = blocks("python", pages=[PAGE])
    (expected,) = blocks("text", pages=[PAGE])
    (tmp_path / code.file).write_text(code.text, encoding="utf-8")
    command = [sys.executable, code.file]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == expected.text
