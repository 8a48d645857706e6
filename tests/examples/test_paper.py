"""The paper's specs: each is valid and planned, small ones run whole, on a folder of stand-ins."""

from __future__ import annotations

import importlib.util
import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kpframework.cli.root import run
from kpframework.spec import load_spec

PAPER = Path(__file__).resolve().parents[2] / "examples" / "paper"
PARTS = ("base", "candidates", "transr", "rows")
SPECS = sorted(
    path.relative_to(PAPER).as_posix()
    for path in PAPER.glob("**/*.json")
    if path.stem not in PARTS and not path.stem.endswith("-task") and "paper-data" not in path.parts
)
SMALL = [name for name in SPECS if name.startswith("small/")]
WHOLE = [name for name in SPECS if not name.startswith("small/")]
TABLES = ("fewrel", "wiki80", "wiki-et", "entityquestions")


def script(name: str) -> ModuleType:
    """Import a script of the examples, which are no package."""
    spec = importlib.util.spec_from_file_location(f"paper_{name}", PAPER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the specs beside a folder of stand-ins."""
    folder = tmp_path_factory.mktemp("paper")
    shutil.copytree(PAPER, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("paper-data"))
    script("stand_in").main([str(folder / "paper-data")])
    return folder


@pytest.fixture
def call(paper: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Any:
    """Return the command line, at work in the copy, with a cache that the tests here share."""
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(paper / "cache"))
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(paper / "config"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
    monkeypatch.chdir(paper)

    def command(*arguments: str) -> str:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = run(list(arguments))
        assert code == 0, out.getvalue() + err.getvalue()
        return out.getvalue()

    return command


def test_each_table_of_the_paper_has_its_specs():
    kinds = ("", "-selected", "-finetuned", "-transr")
    assert set(WHOLE) == {f"{table}{kind}.json" for table in TABLES for kind in kinds}
    assert set(SMALL) == {f"small/{table}.json" for table in TABLES}


@pytest.mark.parametrize("name", WHOLE)
def test_a_spec_of_the_paper_is_valid_and_has_a_plan(name, call):
    # A plan is made of a valid spec alone, so that validate would look at everything twice.
    assert "cells of the table" in call("plan", name)
    if not name.startswith("fewrel"):
        assert "is valid" in call("validate", name)


@pytest.mark.parametrize("table", TABLES)
def test_four_hosts_have_the_published_settings(table, paper):
    spec = load_spec(paper / f"{table}.json")
    hosts = {name: bound.adaptation for name, bound in spec.hosts.items()}
    assert list(hosts) == ["full", "lora", "adapter", "bitfit"]
    assert len({bound.type for bound in hosts.values()}) == 4
    rates = {
        "fewrel": (2e-5, 8e-4, 5e-4, 8e-4),
        "wiki80": (5e-5, 2e-3, 2e-3, 2e-3),
        "wiki-et": (1e-5, 1e-3, 1e-3, 1e-3),
        "entityquestions": (1e-4, 5e-4, 5e-4, 5e-4),
    }
    assert tuple(bound.config.lr for bound in hosts.values()) == rates[table]
    assert hosts["lora"].config.rank == (32 if table in {"fewrel", "wiki80"} else 4)
    assert hosts["lora"].config.alpha == 1
    for bound in hosts.values():
        assert bound.config.max_grad_norm == 0
        assert bound.config.weight_decay == 0
        assert (bound.config.warmup, bound.config.decay) == (0.1, True)
    general = spec.injections["map-general"].injector.config
    assert general.scale == "none"
    assert (general.train.lr, general.train.dropout, general.train.epochs) == (3e-5, 0.25, 5)
    assert (general.train.warmup, general.train.decay) == (0, False)


def test_the_candidates_are_five_levels_of_dropout_after_five_epochs(paper):
    rows = load_spec(paper / "wiki80-selected.json").injections
    stages = [own.injector.config.train for name, own in rows.items() if name[:9] == "general-d"]
    assert {(own.dropout, own.epochs) for own in stages} == {
        (dropout, epoch) for dropout in (None, 0.15, 0.25, 0.35, 0.45) for epoch in range(1, 6)
    }
    assert {own.lr for own in stages if own.dropout is None} == {1e-5}
    assert {own.lr for own in stages if own.dropout is not None} == {3e-5}


@pytest.mark.parametrize("name", SMALL)
def test_a_small_variant_runs_whole(name, call, paper):
    call("run", name)
    results = json.loads((paper / f"runs/{Path(name).stem}-small/results.json").read_text("utf-8"))
    assert {row["status"] for row in results["rows"]} == {"ok"}
    metrics = {task["id"]: task["metrics"][0] for task in results["tasks"]}
    for row in results["rows"]:
        metric = metrics[row["task"]]
        assert 0 <= row["dev"][0][metric] <= 1
        assert row["plug_and_play"] is (row["injection"] != "fine-tuning-with-mapper")
        classes = row["classes"]
        if metric != "accuracy" or not classes:
            assert not classes  # sets and words of a vocabulary are no classes
            continue
        right = sum(own["count"] * own["metrics"][metric]["mean"] for own in classes)
        count = sum(own["count"] for own in classes)
        assert right / count == pytest.approx(row["metrics"][metric]["mean"])
    assert any(row["classes"] for row in results["rows"]) is (
        Path(name).stem in {"fewrel", "wiki80"}
    )
    chosen = script("selected").chosen(results, "map-*")
    assert {(row["task"], row["host"]) for row, *_ in chosen} == {(t, "full") for t in metrics}


def test_the_mapper_is_chosen_by_dev_whatever_test_says():
    def row(name: str, host: str, dev: list[float], test: float) -> dict[str, Any]:
        seeds = [{"seed": seed, "accuracy": value} for seed, value in enumerate(dev)]
        metrics = {"accuracy": {"mean": test}}
        return {"injection": name, "host": host, "task": "t", "dev": seeds, "metrics": metrics}

    rows = [
        row("general-d15-e1", "full", [0.5, 0.9], 0.1),
        row("general-d25-e1", "full", [0.6, 0.7], 0.9),
        row("general-d35-e1", "full", [0.7, 0.7], 0.9),
        row("map-task", "full", [1.0, 1.0], 1.0),
        row("general-d15-e1", "lora", [0.1, 0.1], 0.9),
        row("general-d25-e1", "lora", [0.2, 0.2], 0.1),
        {**row("general-d35-e1", "lora", [], 0.9), "status": "failed"},
    ]
    results = {"tasks": [{"id": "t", "metrics": ["accuracy"]}], "rows": rows}
    found = script("selected").chosen(results, "general-d*")
    assert [(own["host"], own["injection"]) for own, *_ in found] == [
        ("full", "general-d15-e1"),
        ("lora", "general-d25-e1"),
    ]


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """Return a folder of the released layout."""
    folder = tmp_path / "released"
    (folder / "entityquestions").mkdir(parents=True)
    names = "Ulm\tx\tQ1\nBonn\tQ2\nUlm\tQ3\nCity of Ulm\tQ3\n"
    (folder / "entity_map.txt").write_text(names, "utf-8")
    record = {
        "token": ["Ulm", "is", "near", "Bonn", "Hill", "."],
        "h": {"id": "Q3", "pos": [0, 1]},
        "t": {"id": "Q2", "pos": [3, 5]},
    }
    ends = {"h": {"id": "Q3", "pos": [2, 5]}, "t": {"id": "Q2", "pos": [7, 11]}}
    text = {"text": "é Ulm, Bonn", **ends}
    for split, own in (("train", record), ("val", text), ("test", record)):
        (folder / f"wiki20m_{split}.txt").write_text(json.dumps(own) + "\n", "utf-8")
    templates = {"P17": "Which country is [X] located in?"}
    path = folder / "entityquestions" / "relation_query_templates.json"
    path.write_text(json.dumps(templates), "utf-8")
    for split in ("train", "dev", "test"):
        questions = [
            {"question": "Which country is Ulm located in?", "answers": ["Germany"]},
            {"question": "Which country is Atlantis located in?", "answers": ["?"]},
            {"question": "Where is Ulm?", "answers": ["Germany"]},
        ]
        part = folder / "entityquestions" / split
        part.mkdir()
        (part / f"P17.{split}.json").write_text(json.dumps(questions), "utf-8")
    return folder


def test_released_files_become_those_that_the_specs_read(released, tmp_path, capsys):
    out = tmp_path / "paper-data"
    script("prepare").main([str(released), str(out)])
    # Of two entities of one name the last line counts, as in the published code.
    names = (out / "wikidata5m/names.txt").read_text("utf-8")
    assert names == "Q2\tBonn\nQ3\tUlm\tCity of Ulm\n"
    passages = [json.loads(own) for own in (out / "wiki20m.jsonl").read_text("utf-8").splitlines()]
    shown = [
        [(own["text"][m["start"] : m["end"]], m["entity"]) for m in own["mentions"]]
        for own in passages
    ]
    assert shown == [
        [("Ulm", "Q3"), ("Bonn Hill", "Q2")],
        [("Ulm", "Q3"), ("Bonn", "Q2")],
        [("Ulm", "Q3"), ("Bonn Hill", "Q2")],
    ]
    lines = (out / "entityquestions/dev.jsonl").read_text("utf-8").splitlines()
    subjects = [
        (q["question"][q["subject"]["start"] : q["subject"]["end"]], q["subject"]["entity"])
        for q in map(json.loads, lines)
    ]
    assert subjects == [("Ulm", "Q3"), ("Atlantis", "")]
    counted = capsys.readouterr().out
    assert "dev: question that its template does not fit: 1" in counted
    assert "dev: subjects that are a name: 1" in counted


def test_a_malformed_released_line_is_named_by_file_and_line(released, tmp_path, capsys):
    (released / "entity_map.txt").write_text("Ulm\tQ1\nBonn\n", "utf-8")
    with pytest.raises(SystemExit):
        script("prepare").main([str(released), str(tmp_path / "out")])
    assert "entity_map.txt:2" in capsys.readouterr().err


def test_stand_ins_replace_no_folder_that_is_there(tmp_path, capsys):
    (tmp_path / "mine").write_text("kept", "utf-8")
    with pytest.raises(SystemExit):
        script("stand_in").main([str(tmp_path)])
    assert (tmp_path / "mine").read_text("utf-8") == "kept"
    assert "nothing was written" in capsys.readouterr().err
