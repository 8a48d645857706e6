"""One spec over episodes: trained once, scored at several settings, every host with pair inputs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from kpframework.api import Context, Example
from kpframework.spec import load_spec
from kpframework.testing.project import UNKNOWN, tiny_spec, write_fewrel

SMALL = {"ways": 2, "queries": 2, "episodes": 4}
STAGE = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 8}
ROWS = [
    {"id": "frozen", "type": "none"},
    {"id": "map-task", "type": "map-tuning", "train": STAGE},
    {"id": "prompt", "type": "prompt", "knowledge": "names"},
]


def task(name: str, **test: int) -> dict[str, Any]:
    return {
        "id": name,
        "type": "few-shot-relation",
        "names": "fewrel/names.json",
        "data": {split: f"fewrel/{split}.json" for split in ("train", "dev", "test")},
        "train": {**SMALL, "episodes": 6},
        "dev": {"episodes": 2},
        "test": {**SMALL, **test},
        "max_length": 96,
    }


TASKS = [task("2w1s"), task("3w2s", ways=3, shots=2)]
EXCLUDE = {"task": "3w2s", "match": "pair", "splits": ["test"]}
KNOWLEDGE = [*tiny_spec()["knowledge"], {**tiny_spec()["knowledge"][0], "id": "held-out"}]
KNOWLEDGE[-1]["exclude"] = EXCLUDE
KNOWLEDGE[-1]["embeddings"] = {"type": "transe", "dim": 8, "epochs": 2, "batch_size": 64}
HELD_OUT = {"id": "held-out", "type": "map-tuning", "train": STAGE, "knowledge": "held-out"}


@pytest.fixture
def make_few(make_project):
    """Return a maker of projects whose tasks are episodes."""

    def make(architecture: str = "bert-classifier", **changes: Any) -> Any:
        options = {"tasks": TASKS, "knowledge": KNOWLEDGE, "injections": ROWS, **changes}
        project = make_project(architecture, **options)
        write_fewrel(project.folder / "fewrel")
        return project

    return make


@pytest.fixture
def ran(make_few):
    project = make_few(injections=[*ROWS, HELD_OUT])
    done = project.call("run", "spec.json")
    assert done.code == 0, done.err
    return project, done


def by_cell(results: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(row["injection"], row["task"]): row for row in results["rows"]}


def test_a_table_of_two_settings_trains_its_host_and_rows_once(ran):
    project, done = ran
    results = project.results()
    reused = {own["step"]: own["reused"] for own in results["timing"]}
    for shared in ("host[tuned/{}/seed0]", "train[map-task/tuned/{}/seed0]"):
        assert reused[shared.format("3w2s")], shared
    assert reused["examples[2w1s]"], "leakage control reads those of 3w2s first"
    assert not reused["test[3w2s]"]
    assert not reused["evaluate[map-task/tuned/3w2s/seed0]"]
    cells = by_cell(results)
    assert len(cells) == 4 * 2
    for row in cells.values():
        assert row["status"] == "ok", row["error"]
        assert row["plug_and_play"]
    prints = [cells["map-task", name]["fingerprint"] for name in ("2w1s", "3w2s")]
    assert prints[0] == prints[1]
    for heading in ("2w1s accuracy %", "3w2s accuracy %"):
        assert heading in done.out


def test_coverage_and_subsets_are_those_of_the_query_and_intervals_of_episodes(ran):
    project, _ = ran
    lines = (project.folder / "runs/tiny/results.jsonl").read_text("utf-8").splitlines()
    own = [line for line in map(json.loads, lines) if line["injection"] == "map-task"]
    few = [line for line in own if line["task"] == "3w2s"]
    assert len(few) == 4 * 3 * 2
    assert {line["gold"] for line in few} <= {"zero", "rises", "falls", "one"}
    row = by_cell(project.results())["map-task", "3w2s"]
    right = np.array([line["correct"] for line in few], dtype=float)
    assert row["metrics"]["accuracy"]["mean"] == pytest.approx(right.mean())
    # With four episodes a resample is one of 35 mixtures of their means.
    episodes = right.reshape(4, -1).mean(axis=1)
    low, high = row["metrics"]["accuracy"]["interval"]
    assert episodes.min() - 1e-9 <= low <= high <= episodes.max() + 1e-9
    subsets = {s["name"]: s["count"] for s in row["subsets"]}
    test = json.loads((project.folder / "fewrel/test.json").read_text("utf-8"))
    unknown = {" ".join(i["tokens"]) for own in test.values() for i in own if i["h"][1] == UNKNOWN}
    asked = [example.segments[0].text for example in _asked(project, "3w2s")]
    assert subsets.get("one end", 0) == sum(text in unknown for text in asked)
    assert sum(subsets.values()) == len(asked)
    assert row["coverage"]["mentions"] == len(asked) * 2 * (1 + 3 * 2)


def test_leakage_control_looks_at_queries_and_supports(ran):
    project, _ = ran
    knowledge = {own["id"]: own for own in project.results()["knowledge"]}["held-out"]
    instances = {
        (example.info["relations"][i], *(mention.entity for mention in segment.mentions))
        for example in _asked(project, "3w2s")
        for i, segment in enumerate(example.segments)
    }
    excluded = knowledge["excluded"]
    assert excluded["instances"] == len(instances)
    assert excluded["test_instances"] == excluded["instances"] >= excluded["checked"]
    assert excluded["leaking_test_instances"] == excluded["leaking_instances"] > 0


def test_leaks_are_counted_with_leakage_control_and_without(ran):
    project, _ = ran
    knowledge = {own["id"]: own for own in project.results()["knowledge"]}
    excluded = knowledge["held-out"]["excluded"]
    of = {name: {c["task"]: c for c in own["leaks"]} for name, own in knowledge.items()}
    without, control = of["toy"]["3w2s"], of["held-out"]["3w2s"]
    assert knowledge["toy"]["excluded"] is None
    assert without["instances"] == control["instances"] == excluded["test_instances"]
    assert without["checked"] == control["checked"] == excluded["checked"]
    assert without["joined"] == excluded["leaking_test_instances"]
    assert control["joined"] == 0


def test_the_page_shows_a_changed_query_by_its_relations(ran):
    project, _ = ran
    results = project.results()
    assert "3w2s" in (project.folder / "runs/tiny/report.html").read_text("utf-8")
    for own in results["examples"]:
        assert {own["gold"], own["with"], own["without"]} <= {"zero", "rises", "falls", "one"}
        assert own["with"] != own["without"]


@pytest.mark.parametrize(
    "architecture", ["roberta-classifier", "distilbert-classifier", "gpt2-classifier",
                     "llama-classifier"]
)  # fmt: skip
def test_pair_inputs_run_on_every_kind_of_host(make_few, architecture):
    project = make_few(architecture, tasks=[TASKS[1]], injections=ROWS[:2])
    done = project.call("run", "spec.json")
    assert done.code == 0, done.err
    assert all(row["status"] == "ok" for row in project.results()["rows"])


def test_explaining_one_text_says_why_it_cannot_be_answered(ran):
    project, _ = ran
    text = "In 1967 the tuta is the system of a fasu there."
    spans = ("--span", "tuta", "--span", "fasu")
    done = project.call("explain", "spec.json", "--text", text, "--row", "map-task", *spans)
    assert done.code == 1
    assert "KP627" in done.err


def _asked(project: Any, name: str) -> list[Example]:
    """Return a task's test examples."""
    bound = load_spec(project.spec).tasks[name].task
    return list(bound.create(Context()).examples("test"))
