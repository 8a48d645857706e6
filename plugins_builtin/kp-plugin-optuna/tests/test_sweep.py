"""A sweep of three trials: killed in the second, resumed, and refused where it looks at test."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kp_plugin_optuna.objective import Objective
from kp_plugin_optuna.space import read_space
from kp_plugin_optuna.sweep import Sweep

from kpframework import KpError
from kpframework.cli.root import run
from kpframework.testing.project import tiny_project, tiny_spec

PAGE = (Path(__file__).parents[3] / "docs/how-to/sweep.md").read_text("utf-8")
PATH = "injections.map-task.train.lr"
SPACE = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
ARGUMENTS = shlex.split(re.search(r"^kpframework (sweep .*)$", PAGE, re.MULTILINE)[1])
"""Of the page on sweeps, so that what it says is done."""
ROWS = [
    {"id": "frozen", "type": "none"},
    {"id": "map-task", "type": "map-tuning", "train": {"stage": "task", "epochs": 1}},
]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    tiny_project(folder, tasks=tiny_spec()["tasks"][:1], injections=ROWS)
    (folder / "space.yaml").write_text(SPACE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder


@pytest.fixture(scope="module")
def killed(project):
    """Kill a sweep as soon as its second trial has its values."""
    process = subprocess.Popen(
        [sys.executable, "-m", "kpframework", *ARGUMENTS],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    values = []
    for line in process.stderr:
        if line.startswith("trial 2 of 3: "):
            values.append(line.split(": ", 1)[1].strip())
            break
        values.append(line.strip())
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return values


@pytest.fixture(scope="module")
def resumed(project, killed):
    done = subprocess.run(
        [sys.executable, "-m", "kpframework", *ARGUMENTS, "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_a_killed_sweep_goes_on_with_the_trial_it_was_in(resumed, killed):
    summary, told = resumed
    assert [own["state"] for own in summary["trials"]] == ["complete"] * 3
    assert "trial 1 of 3" not in told, "a finished trial was made again"
    assert f"trial 2 of 3: {killed[-1]}" in told
    assert " ".join(summary["trials"][1]["overrides"]) == killed[-1]


def test_trials_differ_and_lie_in_the_space(resumed):
    rates = [float(own["overrides"][0].removeprefix(f"{PATH}=")) for own in resumed[0]["trials"]]
    assert len(set(rates)) == 3
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)


def test_each_trial_is_a_run_with_its_options_and_its_value_is_the_rows_on_dev(project, resumed):
    for own in resumed[0]["trials"]:
        folder = project / own["folder"]
        spec = json.loads((folder / "spec.json").read_text("utf-8"))
        rate = spec["injections"][1]["train"]["lr"]
        assert own["overrides"][0] == f"{PATH}={rate!r}"
        results = json.loads((folder / "results.json").read_text("utf-8"))
        (row,) = [r for r in results["rows"] if r["injection"] == "map-task"]
        seeds = [seed["micro_f1"] for seed in row["dev"]]
        assert own["value"] == pytest.approx(sum(seeds) / len(seeds))
        assert (folder / "report.html").is_file()


def test_trials_share_the_cache(project, resumed):
    results = json.loads((project / resumed[0]["trials"][2]["folder"] / "results.json").read_text())
    reused = {own["step"]: own["reused"] for own in results["timing"]}
    assert reused["kb[toy]"]
    assert sum(not own for own in reused.values()) <= 3


def test_the_table_ends_with_the_command_of_the_best_trial(project, resumed, capsys):
    assert run(ARGUMENTS) == 0
    lines = capsys.readouterr().out.splitlines()
    best = max(own["value"] for own in resumed[0]["trials"])
    assert f"{best:.4f} on dev" in lines[-2]
    words = shlex.split(lines[-1])
    assert words[:3] == ["kpframework", "run", "spec.json"]
    assert words[4::2] in [own["overrides"] for own in resumed[0]["trials"]]
    assert run(["plan", *words[2:]]) == 0


def test_a_folder_of_another_sweep_is_refused(project, resumed, capsys):
    assert run([*ARGUMENTS, "--seed", "1"]) == 1
    assert "KP887" in capsys.readouterr().err


def test_a_sweep_knows_its_spec_with_what_it_extends(project, tmp_path):
    base, spec = project / "base.json", project / "child.json"
    content = json.loads((project / "spec.json").read_text("utf-8"))
    base.write_text(json.dumps(content))
    spec.write_text(json.dumps({"extends": "base.json"}))
    space = read_space(project / "space.yaml")

    def sweep():
        return Sweep(spec, space, Objective("map-task"), 0, folder=tmp_path / "sweep", quiet=True)

    sweep()
    spec.write_text(json.dumps({"extends": "base.json"}, indent=4))
    sweep()
    content["injections"][1]["train"]["epochs"] = 2
    base.write_text(json.dumps(content))
    with pytest.raises(KpError, match="holds a sweep with another spec"):
        sweep()


@pytest.mark.parametrize("metric", ["test", "test.micro_f1", "test/accuracy", "test_f1"])
def test_a_metric_of_test_is_refused_with_the_reason(project, capsys, metric):
    assert run([*ARGUMENTS, "--metric", metric]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "KP886" in told
    assert "never looks at test" in told
