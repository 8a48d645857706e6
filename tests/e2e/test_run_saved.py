"""Saved plugins as rows of another spec."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from kpframework.testing.project import tiny_spec

RUN = "runs/tiny"
STAGE = {"stage": "task", "epochs": 1, "lr": 0.02}
TYPING = tiny_spec()["tasks"][:1]


def one_row(**options: Any) -> list[dict[str, Any]]:
    return [
        {"id": "frozen", "type": "none"},
        {"id": "map-task", "type": "map-tuning", "train": STAGE, **options},
    ]


def row(results: dict[str, Any], name: str, task: str = "typing") -> dict[str, Any]:
    return next(r for r in results["rows"] if (r["injection"], r["task"]) == (name, task))


def test_a_saved_plugin_is_a_row_of_another_spec(make_project):
    project = make_project(injections=one_row(layout="replace"), tasks=TYPING)
    assert project.call("run", "spec.json").code == 0
    trained = project.results()
    saved = {"id": "saved", "from": f"./{RUN}/plugins/map-task"}
    project.change(
        name="second",
        knowledge=[],
        corpora=[],
        injections=[
            {"id": "frozen", "type": "none"},
            saved,
            {**saved, "id": "noise", "control": "random"},
            {"id": "again", "from": "saved"},
        ],
    )
    done = project.call("run", "spec.json", "--json")
    assert done.code == 0, done.err
    results = json.loads(done.out)
    for name in ("saved", "again"):
        assert row(results, name)["metrics"] == row(trained, "map-task")["metrics"]
        assert row(results, name)["calibration"] == row(trained, "map-task")["calibration"]
        assert row(results, name)["parameters"] == row(trained, "map-task")["parameters"] > 0
        assert row(results, name)["seconds"]["train"] is None, "an artifact does not keep it"
    # So few answers may be the same by chance; the threshold is a logit.
    assert row(results, "noise")["calibration"] != row(trained, "map-task")["calibration"]
    assert results["plugins"] == {}


def test_a_saved_plugin_takes_a_new_knowledge_base_and_linker_untrained(make_project):
    project = make_project(injections=one_row(layout="replace"), tasks=TYPING)
    assert project.call("run", "spec.json").code == 0
    # A new release: half of the entities are gone.
    ids = (project.folder / "kb" / "ids.txt").read_text("utf-8").splitlines()
    vectors = np.load(project.folder / "kb" / "vectors.npy", allow_pickle=False)
    np.save(project.folder / "kb" / "new.npy", vectors[::2], allow_pickle=False)
    (project.folder / "kb" / "new.txt").write_text("\n".join(ids[::2]), "utf-8")
    new = {**tiny_spec()["knowledge"][1], "id": "new"}
    new["embeddings"] = {"type": "precomputed", "path": "kb/new.npy", "ids": "kb/new.txt"}
    saved = {"id": "saved", "from": f"./{RUN}/plugins/map-task"}
    project.change(
        name="newer",
        knowledge=[new],
        corpora=[],
        injections=[
            {"id": "frozen", "type": "none"},
            saved,
            {**saved, "id": "newer", "knowledge": "new"},
        ],
    )
    done = project.call("run", "spec.json", "--json")
    assert done.code == 0, done.err
    results = json.loads(done.out)
    assert row(results, "saved")["coverage"]["with_vector"] == 36
    assert row(results, "newer")["coverage"]["with_vector"] == 18
    assert row(results, "newer")["knowledge"] == "new"


def test_saved_plugins_of_one_name_are_told_apart(make_project):
    runs = {}
    project = make_project(injections=one_row(), tasks=TYPING)
    for layout in ("concat", "replace"):
        project.change(name=layout, injections=one_row(layout=layout))
        assert project.call("run", "spec.json").code == 0
        runs[layout] = row(project.results(f"runs/{layout}"), "map-task")
    # A knowledge section has the folder's name as well.
    knowledge = [{**tiny_spec()["knowledge"][1], "id": "map-task"}]
    rows = [{"id": f"from-{n}", "from": f"./runs/{n}/plugins/map-task"} for n in runs]
    own = {"id": "own", "type": "map-tuning", "train": STAGE}
    project.change(name="both", knowledge=knowledge, corpora=[], injections=[*rows, own])
    done = project.call("run", "spec.json", "--json")
    assert done.code == 0, done.err
    results = json.loads(done.out)
    for layout, trained in runs.items():
        again = row(results, f"from-{layout}")
        assert again["metrics"]["micro_f1"]["mean"] == trained["metrics"]["micro_f1"]["mean"]
        assert again["input_overhead"] == trained["input_overhead"]


def test_a_saved_plugin_that_was_changed_since_is_no_row(make_project):
    project = make_project(injections=one_row(), tasks=TYPING)
    assert project.call("run", "spec.json").code == 0
    saved = project.folder / RUN / "plugins/map-task"
    card, config = saved / "README.md", saved / "kp_config.json"
    row = {"id": "saved", "from": f"./{RUN}/plugins/map-task"}
    project.change(name="second", knowledge=[], corpora=[], injections=[row])
    card.write_text("Edited.")
    assert project.call("plan", "spec.json").code == 0
    config.write_text(config.read_text("utf-8").replace('"concat"', '"replace"'), "utf-8")
    done = project.call("plan", "spec.json")
    assert done.code == 1
    assert "KP777" in done.err
    config.write_text("[]")
    assert "KP770" in project.call("plan", "spec.json").err
