"""A complete tiny project with a cache and settings of its own, and the command line on it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from kpframework.testing.project import tiny_project, tiny_spec

TASK_STAGE = {"stage": "task", "epochs": 4, "lr": 0.02, "batch_size": 8}
GENERAL_STAGE = {"stage": "general", "corpus": "descriptions", "epochs": 1, "batch_size": 32}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what stands here as slow: every test of it runs whole specs."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Project:
    """A folder with a spec, and where its cache and settings lie."""

    folder: Path
    home: Path

    @property
    def spec(self) -> Path:
        return self.folder / "spec.json"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "KPFRAMEWORK_CACHE": str(self.home / "cache"),
            "KPFRAMEWORK_CONFIG": str(self.home / "config"),
            "OMP_NUM_THREADS": "1",
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
        }

    def command(self, *arguments: object, **variables: str) -> Done:
        """Run the command line in a process of its own."""
        clean = {k: v for k, v in os.environ.items() if k != "KPFRAMEWORK_PLUGINS"}
        done = subprocess.run(
            [sys.executable, "-m", "kpframework.cli", *map(str, arguments)],
            cwd=self.folder,
            env=clean | self.environment | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def call(self, *arguments: object) -> Done:
        """Run the command line in this process: the same, without the imports' seconds."""
        from kpframework.cli.root import run

        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.environment.items():
                patch.setenv(name, value)
            patch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
            patch.chdir(self.folder)
            code = run([str(argument) for argument in arguments])
        return Done(code, out.getvalue(), err.getvalue())

    def change(self, **changes: Any) -> None:
        """Replace top-level keys of the spec."""
        content = json.loads(self.spec.read_text("utf-8"))
        self.spec.write_text(json.dumps({**content, **changes}), "utf-8")

    def results(self, run: str = "runs/tiny") -> dict[str, Any]:
        return dict(json.loads((self.folder / run / "results.json").read_text("utf-8")))


def map_tuning(name: str, stage: dict[str, Any] = TASK_STAGE, **options: Any) -> dict[str, Any]:
    """Return a row of map-tuning."""
    return {"id": name, "type": "map-tuning", "train": stage, **options}


def whole_table() -> dict[str, Any]:
    """Return changes to the tiny spec: every kind of row, two seeds, leakage control."""
    spec = tiny_spec()
    held_out = {
        **spec["knowledge"][0],
        "id": "held-out",
        "exclude": {"task": "relations", "match": "pair"},
        "embeddings": {"type": "transe", "dim": 8, "epochs": 2, "batch_size": 64},
    }
    return {
        "seeds": [0, 1],
        "knowledge": [*spec["knowledge"], held_out],
        "injections": [
            {"id": "frozen", "type": "none"},
            {"id": "probe", "type": "probe", "train": {"epochs": 4, "lr": 0.05}},
            map_tuning("general", GENERAL_STAGE, knowledge="names"),
            map_tuning("map-task", knowledge="names", init="general"),
            map_tuning("replace", layout="replace"),
            map_tuning("shuffled", layout="replace", control="shuffled"),
            {"id": "relinked", "from": "replace", "knowledge": "names"},
            map_tuning("held-out", knowledge="held-out"),
        ],
    }


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cache and the settings of all tests here lie: equal steps are made once."""
    return tmp_path_factory.mktemp("home")


MakeProject = Callable[..., Project]


@pytest.fixture
def make_project(tmp_path: Path, home: Path) -> MakeProject:
    """Return a maker of projects: an architecture, and changes to the tiny spec."""

    def make(architecture: str = "bert-classifier", **changes: Any) -> Project:
        tiny_project(tmp_path / "project", architecture, **changes)
        return Project(tmp_path / "project", home)

    return make


@pytest.fixture(scope="module")
def make_own(tmp_path_factory: pytest.TempPathFactory) -> MakeProject:
    """Return a maker of projects that have cache and settings of their own."""

    def make(architecture: str = "bert-classifier", **changes: Any) -> Project:
        folder = tmp_path_factory.mktemp("own")
        tiny_project(folder / "project", architecture, **changes)
        return Project(folder / "project", folder)

    return make


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """The tiny project as it is: one task row beside the frozen host."""
    return make_project()


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with every kind of row, not yet run, with a home of its own."""
    folder = tmp_path_factory.mktemp("table")
    tiny_project(folder / "project", **whole_table())
    return Project(folder / "project", folder)
