"""A table made by several processes is the table made by one."""

from __future__ import annotations

import sys

import pytest

from kpframework.run import runner, side_by_side

STAGE = {"stage": "task", "epochs": 1, "lr": 0.02}


@pytest.mark.skipif(sys.platform != "linux", reason="steps side by side take Linux")
def test_a_run_with_two_jobs_leaves_the_same_metrics_and_tensors(make_project, tmp_path):
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "map-task", "type": "map-tuning", "train": STAGE},
        {"id": "shuffled", "type": "map-tuning", "control": "shuffled", "train": STAGE},
    ]
    project = make_project(injections=rows, seeds=[0, 1])
    left = {}
    for jobs in ("1", "2"):
        own = type(project)(project.folder, tmp_path / jobs)
        done = own.command("run", "spec.json", "-j", jobs, "-o", f"runs/{jobs}")
        assert done.code == 0, done.err
        folder = project.folder / "runs" / jobs
        files = [folder / "metrics.json", *sorted(folder.glob("plugins/*/kp_model.safetensors"))]
        left[jobs] = [path.read_bytes() for path in files]
    assert len(left["1"]) > 4
    assert left["1"] == left["2"]


def test_where_steps_cannot_be_side_by_side_they_are_made_in_turn_with_a_warning(
    make_project, monkeypatch
):
    project = make_project(injections=[{"id": "frozen", "type": "none"}], seeds=[0])
    monkeypatch.setattr(side_by_side.sys, "platform", "darwin")
    assert "darwin with cpu" in side_by_side.what_hinders("cpu")
    monkeypatch.undo()
    assert "linux with cuda" in side_by_side.what_hinders("cuda")
    monkeypatch.setattr(runner, "what_hinders", lambda device: f"no two of them on {device}")
    done = project.call("run", "spec.json", "-j", "2")
    assert done.code == 0, done.err
    assert "warning: no two of them on cpu: they are made one after another" in done.err
