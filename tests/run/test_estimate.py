"""What a plan says of network, disk and memory before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kpframework.cli.root import run
from kpframework.plugins import load
from kpframework.run.cache import Cache
from kpframework.run.estimate import estimate
from kpframework.run.execute import execute
from kpframework.run.plan import Plan, make_plan
from kpframework.spec import load_spec
from kpframework.testing.project import DIM, tiny_project, tiny_spec


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    spec = tiny_project(tmp_path, knowledge=_knowledge())
    return make_plan(load_spec(spec, (), load()))


def _knowledge(**changes: Any) -> list[dict[str, Any]]:
    """Return the tiny project's knowledge sections, the second with vectors that are trained."""
    own, other = tiny_spec()["knowledge"]
    return [own, {**other, "embeddings": {"type": "transe", "dim": 16}, **changes}]


def _table(plan: Plan, cache: Cache, name: str) -> dict[str, Any]:
    found = {table["step"]: table for table in estimate(plan, cache)["tables"]}
    return found[f"embeddings[{name}]"]


def test_a_host_takes_four_bytes_a_parameter_of_its_model(plan: Plan, cache: Cache) -> None:
    from transformers import AutoModel

    folder = Path(plan.resolved.backbone.config.model_dump()["model"])
    numbers = sum(p.numel() for p in AutoModel.from_pretrained(folder).parameters())
    found = estimate(plan, cache)
    assert found["hosts"] == [{"host": "tuned", "parameters": numbers, "bytes": 4 * numbers}]
    assert [own["bytes"] for own in found["downloads"]] == [0]


def test_a_knowledge_base_that_is_not_read_yet_is_known_by_its_files(
    plan: Plan, cache: Cache, tmp_path: Path
) -> None:
    (kb, *_) = estimate(plan, cache)["kbs"]
    size = sum((tmp_path / "kb" / name).stat().st_size for name in ("triples.tsv", "labels.json"))
    assert (kb["entities"], kb["bytes"], kb["source_bytes"]) == (None, None, size)


def test_a_table_is_as_large_as_its_knowledge_base_and_width_say(tmp_path: Path) -> None:
    rows = [{"id": "map", "type": "map-tuning", "knowledge": "names", "train": {"stage": "task"}}]
    cache = Cache(tmp_path / "cache")
    for number, (dtype, width) in enumerate(((None, 4), ("float16", 2))):
        spec = tiny_project(
            tmp_path / str(number), injections=rows, knowledge=_knowledge(dtype=dtype)
        )
        plan = make_plan(load_spec(spec, (), load()))
        if not number:
            assert _table(plan, cache, "names")["bytes"] is None
            execute([plan.knowledge["names"]["kb"]], cache)
        table = _table(plan, cache, "names")
        assert table["bytes"] == table["rows"] * 16 * width > 0
        assert not table["measured"]


def test_what_is_cached_is_told_as_it_is(plan: Plan, cache: Cache) -> None:
    done = execute([plan.knowledge["toy"]["embeddings"]], cache)["embeddings[toy]"]
    assert done.folder is not None
    table = _table(plan, cache, "toy")
    assert table == {
        "step": "embeddings[toy]",
        "rows": done.metrics["rows"],
        "dim": DIM,
        "bytes": (done.folder / "vectors.safetensors").stat().st_size,
        "measured": True,
    }


def test_a_plan_does_not_fetch_a_model_of_the_hub_and_says_how_large_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    commit, asked = "0123456789abcdef0123456789abcdef01234567", []

    def snapshot_download(model: str, *, allow_patterns: list[str], **how: Any) -> Any:
        if how.get("dry_run"):
            return [SimpleNamespace(file_size=1_340_000_000, will_download=True)]
        asked.append(allow_patterns)
        return str(tmp_path / "snapshots" / commit)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    spec = tiny_project(tmp_path, backbone={"type": "hf", "model": "some/large-uncased"})
    assert run(["plan", str(spec), "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["estimate"]["downloads"] == [
        {"backbone": "hf some/large-uncased", "bytes": 1_340_000_000}
    ]
    assert plan["estimate"]["hosts"][0]["bytes"] is None
    assert run(["plan", str(spec)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("some/large-uncased" in line and line.endswith("1,340.0 MB") for line in lines)
    assert set(map(tuple, asked)) == {("config.json",)}
