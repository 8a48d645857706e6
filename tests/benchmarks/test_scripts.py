"""A benchmark that nobody has run for a while still finds what it imports."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.mark.parametrize("script", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_the_script_imports(script, monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    assert importlib.import_module(script.stem).__doc__
