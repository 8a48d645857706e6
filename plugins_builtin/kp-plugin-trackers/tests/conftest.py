import json
import os

import pytest

from kpframework.cli.root import run
from kpframework.testing.project import tiny_project, tiny_spec

STAGE = {"stage": "task", "epochs": 2, "lr": 0.02, "batch_size": 8}
ROWS = [
    {"id": "frozen", "type": "none"},
    {"id": "map-task", "type": "map-tuning", "train": STAGE},
]


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """Where the cache lies: the steps are made once for all tests."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def make_run(tmp_path_factory, home):
    """Return a function that runs the tiny project with trackers; it returns the run's folder."""

    def make(*trackers, code=0, **variables):
        folder = tmp_path_factory.mktemp("project")
        spec = tiny_project(
            folder,
            description="x" * 9000,
            tasks=tiny_spec()["tasks"][:1],
            injections=ROWS,
            trackers=list(trackers),
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("KPFRAMEWORK_CACHE", str(home / "cache"))
            patch.setenv("KPFRAMEWORK_CONFIG", str(home / "config"))
            for name in [n for n in os.environ if n.startswith(("MLFLOW", "WANDB"))]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            assert run(["run", str(spec), "-q"]) == code
        return folder / "runs/tiny"

    return make


@pytest.fixture(scope="session")
def tracked(make_run):
    """The folder of a run that MLflow and TensorBoard watched, as far as they are installed."""
    return make_run({"type": "mlflow", "experiment": "typing"}, {"type": "tensorboard"})


@pytest.fixture
def results_of():
    return lambda folder: json.loads((folder / "results.json").read_text("utf-8"))
