from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).with_name("results_example.json")
_CONTENT = json.loads(EXAMPLE.read_text("utf-8"))


@pytest.fixture
def results() -> dict[str, Any]:
    """A run as a runner writes it: every status, controls, subsets, curves, examples."""
    return copy.deepcopy(_CONTENT)


@pytest.fixture
def bare() -> dict[str, Any]:
    """The least that is still a run."""
    row = {"injection": "frozen", "host": "full", "task": "t", "status": "ok"}
    task = {"id": "t", "type": "entity-typing", "metrics": ["micro_f1"]}
    return {"name": "bare", "seeds": [0], "tasks": [task], "rows": [row]}


@pytest.fixture
def row_of() -> Callable[[dict[str, Any], str], dict[str, Any]]:
    """Find a row of results by its injection."""
    return lambda results, name: next(r for r in results["rows"] if r["injection"] == name)
