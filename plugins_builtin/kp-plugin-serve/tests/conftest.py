"""A tiny run with strings in its knowledge base that would hurt a careless page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from kp_plugin_serve.loading import load
from kp_plugin_serve.service import Service

from kpframework.cli.root import run as command_line
from kpframework.testing.project import entity_name, tiny_project, tiny_spec

SCRIPT = "<script>window.hurt = 1</script><img src=x onerror='window.hurt = 2'>"
BIDI = "safe \u202egnp.exe\u202c \x07\x1b[31m end"
NAME = entity_name(40)
TEXT = f"The patient has {NAME} and long fingers."


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a run with the plugins ``concat`` and ``replace`` on one host."""
    folder = tmp_path_factory.mktemp("served")
    rows = [
        {
            "id": layout,
            "type": "map-tuning",
            "knowledge": "names",
            "layout": layout,
            "train": {"stage": "task", "epochs": 1, "lr": lr, "batch_size": 16},
        }
        for layout, lr in (("concat", 0.02), ("replace", 0.5))
    ]
    limit = {"train": 48, "dev": 12, "test": 12}
    spec = tiny_project(
        folder,
        tasks=[{**tiny_spec()["tasks"][0], "limit": limit}],
        hosts=[{"id": "tuned", "adaptation": {"type": "full", "epochs": 1, "lr": 0.002}}],
        injections=[{"id": "frozen", "type": "none"}, *rows],
        corpora=[],
    )
    labels = json.loads((folder / "kb/labels.json").read_text("utf-8"))
    labels["E40"]["description"] = SCRIPT
    labels["E41"]["label"] = SCRIPT
    labels["E39"]["label"] = BIDI
    (folder / "kb/labels.json").write_text(json.dumps(labels), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
        patch.chdir(folder)
        assert command_line(["run", str(spec), "-q"]) == 0
        yield folder / "runs" / "tiny"


@pytest.fixture(scope="session")
def service(run: Path) -> Service:
    return Service(load([run]))
