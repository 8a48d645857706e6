"""A run killed at any moment ends, after the same command, with the bytes of one left in peace."""

from __future__ import annotations

import importlib.util
import multiprocessing
import os
import signal
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from kpframework.testing.project import tiny_project, tiny_spec

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = [
    "accelerate",
    "kpframework.cli.run",
    "kpframework.run.runner",
    "kpframework.train.session",
    "pyarrow.parquet",
    "transformers.models.bert.modeling_bert",
]


@pytest.fixture(scope="module")
def kill_resume() -> ModuleType:
    """The script of the benchmarks, importable by the processes it starts."""
    path = ROOT / "benchmarks" / "kill_resume.py"
    spec = importlib.util.spec_from_file_location("kill_resume", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kill_resume"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def processes(kill_resume):
    """Processes that start with the libraries loaded, so that kills fall into work, not imports."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        patch.syspath_prepend(str(ROOT / "benchmarks"))
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*LIBRARIES, "kill_resume"])
        warm = context.Process(target=len, args=((),))
        warm.start()
        warm.join()
        yield context


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spec whose trainings have several epochs, one begun from another's tensors."""
    stage = {"epochs": 6, "lr": 0.02, "batch_size": 4}
    general = {**stage, "stage": "general", "corpus": "descriptions", "epochs": 3}
    task = {**stage, "stage": "task", "dropout": 0.2}
    own = {"type": "map-tuning", "knowledge": "names"}
    rows = [
        {"id": "frozen", "type": "none"},
        {**own, "id": "general", "train": general},
        {**own, "id": "map-task", "init": "general", "train": task},
    ]
    folder = tmp_path_factory.mktemp("project")
    return tiny_project(folder, injections=rows, tasks=tiny_spec()["tasks"][:1])


@pytest.fixture(scope="module")
def whole(kill_resume, processes, spec, tmp_path_factory) -> Path:
    """The folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    kill_resume.finish(kill_resume.start(processes, spec, folder, 0), folder)
    return folder


def test_ten_kills_leave_no_trace(kill_resume, processes, spec, tmp_path):
    said: list[str] = []
    outcome = kill_resume.kill_and_resume(
        spec, tmp_path, times=10, seed=7, checkpoint_seconds=0, context=processes, say=said.append
    )
    print("\n".join(said), outcome)
    assert outcome.kills > 0, said
    assert outcome.different == []
    assert outcome.files == [
        "metrics.json",
        "plugins/general/kp_model.safetensors",
        "plugins/map-task/kp_model.safetensors",
        "results.jsonl",
    ]
    cache = tmp_path / "killed" / "home" / "cache"
    left = [path.name for path in cache.glob("*/??/.*") if path.is_dir()]
    assert left == [], "what killed processes had begun is swept"


def wait_for(folder: Path, pattern: str) -> None:
    deadline = time.monotonic() + 60
    while not list(folder.glob(pattern)) and time.monotonic() < deadline:
        time.sleep(0.005)


@pytest.mark.parametrize("kind", ["host", "train"])
def test_a_killed_training_goes_on_from_its_checkpoint(
    kill_resume, processes, spec, whole, tmp_path, kind
):
    killed = tmp_path / "killed"
    process = kill_resume.start(processes, spec, killed, 0)
    wait_for(killed / "home" / "cache", f"{kind}/??/.*.scratch.*/checkpoint/step-*")
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    kill_resume.finish(kill_resume.start(processes, spec, killed, 0), killed)
    assert (killed / "home" / "resumed.txt").read_text("utf-8").startswith("from step ")
    assert kill_resume.compare(whole / "run", killed / "run")[1] == []


def test_an_interrupted_run_says_so_and_leaves_nothing_half_done(
    kill_resume, processes, spec, tmp_path
):
    process = kill_resume.start(processes, spec, tmp_path, 0)
    cache = tmp_path / "home" / "cache"
    wait_for(cache, "host/??/.*.tmp.*")
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    output = (tmp_path / "home" / "output.txt").read_text("utf-8")
    assert process.exitcode == 130, output
    assert "interrupted" in output
    assert "Traceback" not in output
    assert not list(cache.glob("*/??/.*.tmp.*"))
    assert not (tmp_path / "run").exists()
