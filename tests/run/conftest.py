"""A cache of one's own, and steps that cost nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kpframework.run.cache import Cache
from kpframework.run.step import Step, StepContext


@pytest.fixture(autouse=True)
def cache_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "cache"
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(root))
    return root


@pytest.fixture
def cache(cache_root: Path) -> Cache:
    return Cache(cache_root)


MakeStep = Callable[..., Step]


@pytest.fixture
def make_step() -> MakeStep:
    """Return a maker of steps that write ``out/value.txt`` and count how often they ran."""

    def make(name: str = "a", value: str = "x", **changes: Any) -> Step:
        def action(context: StepContext) -> Mapping[str, Any]:
            (context.output / "out").mkdir()
            (context.output / "out" / "value.txt").write_text(value)
            return {"value": value, "inputs": dict(context.results)}

        arguments = {"kind": "test", "params": {"value": value}, "action": action} | changes
        return Step(name=name, **arguments)

    return make
