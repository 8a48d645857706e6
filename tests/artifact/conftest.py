"""A finished run of two knowledge plugins on the user's own checkpoint, for all tests here."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from kpframework import KnowledgePlugin
from kpframework.cli.root import run as command_line
from kpframework.inject.freezing import freeze
from kpframework.testing.project import entity_name, tiny_project, tiny_spec
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

PROMPTS = [
    f"Jean was born in {entity_name(3)} and",
    f"The patient has {entity_name(40)} and {entity_name(41)} and long",
    "Nothing in this text is",
]
STAGE = {"stage": "task", "epochs": 2, "lr": 0.02, "batch_size": 16}


@dataclass(frozen=True)
class Run:
    """A finished run of two trained rows on the user's own checkpoint."""

    folder: Path

    @property
    def plugins(self) -> Path:
        return self.folder / "runs" / "tiny" / "plugins"

    def host(self) -> tuple[Any, Any]:
        """Return the checkpoint as anybody would load it."""
        mine = self.folder / "mine"
        model = transformers.AutoModelForSequenceClassification.from_pretrained(mine)
        return model.eval(), transformers.AutoTokenizer.from_pretrained(mine)

    def plugin(self, name: str = "names") -> KnowledgePlugin:
        return KnowledgePlugin.from_pretrained(self.plugins / name)


@contextmanager
def environment(folder: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
        patch.chdir(folder)
        yield


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    folder = tmp_path_factory.mktemp("artifact")
    rows: list[dict[str, Any]] = [{"id": "frozen", "type": "none"}]
    rows += [
        {"id": name, "type": "map-tuning", "knowledge": name, "layout": layout, "train": STAGE}
        for name, layout in (("names", "concat"), ("toy", "replace"))
    ]
    # No marker words: a user's own text has none either.
    tasks = [{**tiny_spec()["tasks"][0], "markers": {"mention": ""}}]
    hosts = [{"id": "mine", "checkpoint": "mine"}]
    tokenizer = tiny_tokenizer("bert-classifier")
    model = tiny_model("bert-classifier", len(tokenizer), labels=2, seed=3)
    with torch.no_grad():  # as large as trained weights, so that an answer moves with its input
        for parameter in model.parameters():
            parameter.mul_(5 if parameter.dim() == 2 else 1)
    model.save_pretrained(folder / "mine")
    tokenizer.save_pretrained(folder / "mine")
    spec = tiny_project(folder, tasks=tasks, hosts=hosts, injections=rows, corpora=[])
    with environment(folder):
        assert command_line(["run", str(spec), "-q"]) == 0
        yield Run(folder)


@pytest.fixture
def copy(run: Run, tmp_path: Path) -> Path:
    """A copy of a saved plugin, to be damaged."""
    return Path(shutil.copytree(run.plugins / "names", tmp_path / "copy"))


TEXTS = (
    f"The patient has {entity_name(40)} and long fingers.",
    f"Jean was born in {entity_name(3)} and lives in {entity_name(4)}.",
    "Nothing in this text is known.",
    f"{entity_name(5)}",
)


def logits(model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    with torch.inference_mode():
        return model(**inputs).logits.clone()  # type: ignore[no-any-return]


def language_model(
    run: Run, architecture: str = "llama-lm", side: str = "left"
) -> tuple[Any, Any, KnowledgePlugin]:
    """Return a host with large weights, its tokenizer, and a plugin on it."""
    tokenizer = tiny_tokenizer(architecture)
    tokenizer.padding_side = side
    model = freeze(tiny_model(architecture, len(tokenizer)))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8 if parameter.dim() == 2 else 1)
    return model, tokenizer, run.plugin().attach(model, tokenizer, strict=False)


def classifier(run: Run) -> tuple[Any, Any, KnowledgePlugin]:
    model, tokenizer = run.host()
    return model, tokenizer, run.plugin().attach(model, tokenizer)
