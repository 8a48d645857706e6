"""A finished checkpoint is a host for every method but those that train it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForSequenceClassification

from kpframework.errors import SpecError
from kpframework.run.plan import make_plan
from kpframework.spec import load_spec
from kpframework.testing.project import tiny_project, tiny_spec

CONTRIB = Path(__file__).parents[2] / "contrib/broken-plugins"


def test_a_method_that_trains_its_host_is_refused_there(tmp_path: Path) -> None:
    spec = tiny_project(
        tmp_path,
        hosts=[{"id": "mine", "checkpoint": "backbone"}],
        injections=[
            {"id": "frozen", "type": "none"},
            {"id": "tuned", "type": "fine-tuning-with-mapper"},
        ],
    )
    with pytest.raises(SpecError) as caught:
        load_spec(spec)
    (problem,) = [p for p in caught.value.problems if p.code == "KP315"]
    assert problem.path == "injections[tuned].type"
    assert "host 'mine' (hosts[0]) is a finished checkpoint" in problem.message


def test_one_that_does_not_declare_it_is_refused_before_anything_runs(
    tmp_path: Path, kp_plugins: Any
) -> None:
    plugin = kp_plugins.install("hides", [("injector", "hides")])
    package = kp_plugins.folder / plugin.module
    (package / "sound.py").write_text((CONTRIB / "sound/injector.py").read_text())
    fault = (CONTRIB / "injector_hides_that_it_trains.py").read_text()
    (package / "target.py").write_text(fault)
    kp_plugins.use(
        *("backbones", "triples", "precomputed", "linkers"),
        *("classification", "controls"),
    )
    spec = tiny_project(
        tmp_path,
        tasks=tiny_spec()["tasks"][:1],
        hosts=[{"id": "mine", "checkpoint": "mine"}],
        injections=[{"id": "frozen", "type": "none"}, {"id": "tuned", "type": "hides"}],
    )
    shutil.copytree(tmp_path / "backbone", tmp_path / "mine")
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path / "backbone", num_labels=2)
    model.save_pretrained(tmp_path / "mine")
    with pytest.raises(SpecError, match="row 'tuned' trains its host") as caught:
        make_plan(load_spec(spec))
    assert caught.value.code == "KP315"
