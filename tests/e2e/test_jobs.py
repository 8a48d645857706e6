"""A table made by several processes is the table made by one."""

from __future__ import annotations

import sys

import pytest

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
