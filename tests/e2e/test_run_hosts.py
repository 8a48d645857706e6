"""Hosts of a run: the user's own checkpoints, and other architectures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kpframework.testing.project import tiny_spec
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

RUN = "runs/tiny"
STAGE = {"stage": "task", "epochs": 1, "lr": 0.02}
TYPING = tiny_spec()["tasks"][:1]
RELATIONS = tiny_spec()["tasks"][1:]


def one_row(**options: Any) -> list[dict[str, Any]]:
    return [
        {"id": "frozen", "type": "none"},
        {"id": "map-task", "type": "map-tuning", "train": STAGE, **options},
    ]


def row(results: dict[str, Any], name: str, task: str = "typing") -> dict[str, Any]:
    return next(r for r in results["rows"] if (r["injection"], r["task"]) == (name, task))


def checkpoint(folder: Path, labels: list[str]) -> None:
    tokenizer = tiny_tokenizer("bert-classifier")
    model = tiny_model("bert-classifier", len(tokenizer), len(labels), seed=5)
    model.config.id2label = dict(enumerate(labels))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.mark.parametrize("labels", [["capital", "system"], ["LABEL_0", "LABEL_1"]])
def test_a_checkpoint_of_the_user_is_a_host(make_project, labels):
    hosts = [{"id": "mine", "checkpoint": "mine"}]
    project = make_project(hosts=hosts, injections=one_row(), tasks=TYPING)
    checkpoint(project.folder / "mine", labels)
    done = project.call("run", "spec.json")
    assert done.code == 0, done.err
    assert all(own["plug_and_play"] for own in project.results()["rows"])
    assert not (project.folder / RUN / "hosts").exists()


@pytest.mark.parametrize("labels", [["capital", "system", "other"], ["system", "capital"]])
def test_a_checkpoint_with_other_outputs_than_the_task_is_refused(make_project, labels):
    hosts = [{"id": "mine", "checkpoint": "mine"}]
    project = make_project(hosts=hosts, injections=one_row(), tasks=TYPING)
    checkpoint(project.folder / "mine", labels)
    done = project.call("run", "spec.json")
    assert done.code == 1
    assert "KP732" in done.err
    assert f"{len(labels)} outputs" in done.err
    assert "Traceback" not in done.err


def test_a_backbone_is_no_checkpoint(make_project):
    hosts = [{"id": "mine", "checkpoint": "backbone"}]
    done = make_project(hosts=hosts, injections=one_row(), tasks=TYPING).call("run", "spec.json")
    assert done.code == 2
    assert "KP732" in done.err


@pytest.mark.parametrize(
    "architecture", ["roberta-classifier", "gpt2-classifier", "distilbert-classifier"]
)
def test_other_architectures_are_hosts_too(make_project, architecture):
    project = make_project(architecture, injections=one_row(), tasks=RELATIONS)
    done = project.call("run", "spec.json", "--json")
    assert done.code == 0, done.err
    own = row(json.loads(done.out), "map-task", "relations")
    assert own["plug_and_play"]
    assert own["coverage"]["with_vector"] == 48
