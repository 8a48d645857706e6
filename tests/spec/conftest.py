from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def _fakes() -> Any:
    # Under a fixed name, so that the declarations' import strings find it.
    if "kp_spec_fakes" not in sys.modules:
        spec = importlib.util.spec_from_file_location("kp_spec_fakes", HERE / "fakes.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["kp_spec_fakes"] = module
        spec.loader.exec_module(module)
    return sys.modules["kp_spec_fakes"]


@pytest.fixture
def registry() -> Any:
    return _fakes().registry()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder with the data files that the specs of these tests name."""
    (tmp_path / "data").mkdir()
    for name in ("triples.tsv", "labels.tsv", "train.jsonl", "test.jsonl"):
        (tmp_path / "data" / name).write_text("x\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def full_spec() -> dict[str, Any]:
    return {
        "version": 1,
        "name": "wiki80",
        "seeds": [0, 1],
        "backbone": {"type": "hf", "model": "all-MiniLM-L6-v2"},
        "knowledge": [
            {
                "id": "wikidata",
                "kb": {
                    "type": "triples",
                    "path": "data/triples.tsv",
                    "labels": ["data/labels.tsv"],
                },
                "exclude": {"task": "rel", "match": "pair"},
                "embeddings": {"type": "transe", "dim": 64, "train": {"epochs": 3}},
                "linker": "annotated",
            }
        ],
        "corpora": [{"id": "words", "kb": "wikidata", "limit": 100}],
        "tasks": [
            {
                "id": "rel",
                "type": "relation-classification",
                "data": {"train": "data/train.jsonl", "test": "data/test.jsonl"},
            }
        ],
        "hosts": [
            {"id": "full", "adaptation": "full"},
            {"id": "lora", "adaptation": {"type": "lora", "rank": 4}},
        ],
        "injections": [
            {"id": "frozen", "type": "none"},
            {
                "id": "map",
                "type": "map-tuning",
                "mapper": {"type": "mlp", "hidden": 32},
                "train": {"stage": "general", "corpus": "words"},
            },
            {"id": "again", "from": "map", "control": "shuffled"},
            {"id": "mix", "type": "mix", "parts": ["linear", {"type": "mlp"}], "init": "map"},
        ],
        "compare": {"baseline": "frozen"},
        "run": {"device": "cpu"},
    }


@pytest.fixture
def spec() -> dict[str, Any]:
    return full_spec()


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """Write a spec into the working folder and return its path."""

    def written(content: Any, name: str = "spec.json") -> Path:
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
        return folder / name

    return written
