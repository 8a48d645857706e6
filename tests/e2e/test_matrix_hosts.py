"""Every way to make a host with every kind of injection: saved, loaded to the same bits, taken off.

What a run scored is compared with what the saved plugin answers on the saved host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from kpframework import KnowledgePlugin
from kpframework.api import Context, Mention
from kpframework.cli.root import run
from kpframework.inject.freezing import freeze
from kpframework.run.cache import Cache
from kpframework.run.plan import make_plan
from kpframework.spec import load_spec
from kpframework.testing.project import tiny_project, tiny_spec
from kpframework.train.loop import fast_fp32

STAGE = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 16}
ROWS: list[dict[str, Any]] = [
    {"id": "frozen", "type": "none"},
    {"id": "slot", "type": "map-tuning", "train": STAGE},
    {"id": "layer", "type": "ernie-fusion", "train": STAGE},
    {"id": "closed", "type": "e-bert", "layout": "replace"},
    {"id": "text", "type": "prompt"},
]
ARCHITECTURES = ["bert-classifier", "roberta-classifier", "distilbert-classifier"]
ARCHITECTURES += ["deberta-v2-classifier", "gpt2-classifier", "llama-classifier"]
ADAPTATIONS = ["full", "lora", "adapter", "bitfit"]
CASES = [
    (architecture, adaptation)
    for architecture in ARCHITECTURES
    for adaptation in ADAPTATIONS
    if (architecture, adaptation) != ("llama-classifier", "bitfit")  # refused: it has no bias
]


@dataclass(frozen=True)
class Finished:
    """A run of all rows on hosts of all kinds, for one task."""

    folder: Path
    results: dict[str, Any]
    plan: Any

    def host(self, adaptation: str) -> tuple[Any, Any]:
        """Return a saved host, loaded by its own adaptation, and its tokenizer."""
        backbone = self.folder / "backbone"
        bound = self.plan.resolved.hosts[adaptation].adaptation.create(Context())

        def whole(folder: Path | None) -> Any:
            return transformers.AutoModelForSequenceClassification.from_pretrained(
                folder or backbone, num_labels=2, pad_token_id=0
            )

        model = bound.load(self.folder / "out" / "hosts" / adaptation, whole)
        return freeze(model), transformers.AutoTokenizer.from_pretrained(backbone)

    def scored(self, row: str, adaptation: str) -> Any:
        """Return the logits that the run's figures came from."""
        found = [c for c in self.plan.cells if (c.row, c.host) == (row, adaptation)]
        return np.load(Cache().open(found[0].evaluations[0]).folder / "logits.npy")


@pytest.fixture(scope="module", params=ARCHITECTURES)
def finished(request, tmp_path_factory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp(request.param)
    kinds = [a for a in ADAPTATIONS if (request.param, a) in CASES]
    hosts = [{"id": name, "adaptation": {"type": name, "epochs": 1}} for name in kinds]
    # No marker words: a user's own text has none either.
    tasks = [{**tiny_spec()["tasks"][0], "markers": {"mention": ""}}]
    spec = tiny_project(folder, request.param, injections=ROWS, hosts=hosts, tasks=tasks, seeds=[3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        assert run(["run", str(spec), "-q", "-o", str(folder / "out")]) == 0
        results = json.loads((folder / "out" / "results.json").read_text("utf-8"))
        yield Finished(folder, results, make_plan(load_spec(spec)))


def test_every_row_is_plug_and_play_on_every_kind_of_host(finished):
    kinds = list(finished.plan.resolved.hosts)
    found = {(row["injection"], row["host"]) for row in finished.results["rows"]}
    assert found == {(row["id"], kind) for row in ROWS for kind in kinds}
    for row in finished.results["rows"]:
        assert row["status"] == "ok", row["error"]
        assert row["plug_and_play"], (row["injection"], row["host"])
        assert all(p["before"] == p["after"] for p in row["fingerprint"])
        assert (row["parameters"] > 0) is (row["injection"] in {"slot", "layer", "closed"})


def test_saved_plugins_on_saved_hosts_answer_as_scored_and_come_off(finished):
    lines = (finished.folder / "typing" / "test.jsonl").read_text("utf-8").splitlines()
    examples = [json.loads(line) for line in lines]
    texts = [e["text"] for e in examples]
    known = [[Mention(e["start"], e["end"], e["entity"], role="mention")] for e in examples]
    for kind in finished.plan.resolved.hosts:
        model, tokenizer = finished.host(kind)
        plain = dict(tokenizer(texts, padding=True, return_tensors="pt"))
        bare = answers(model, plain)
        for row in ("slot", "layer", "closed"):
            # What is fitted on the backbone alone is one plugin for all hosts.
            name = row if row == "closed" else f"{row}--{kind}"
            plugin = KnowledgePlugin.from_pretrained(finished.folder / "out" / "plugins" / name)
            plugin.attach(model, tokenizer)
            lengths = plugin.encode(texts, known)["attention_mask"].sum(1).numpy()
            order = np.argsort(-lengths, kind="stable")  # the order of an evaluation's batch
            inputs = plugin.encode([texts[i] for i in order], [known[i] for i in order])
            own = answers(model, inputs)
            plugin.detach()
            assert np.array_equal(own, finished.scored(row, kind)[order]), (kind, row)
            assert not np.array_equal(own, finished.scored("frozen", kind)[order]), (kind, row)
            assert np.array_equal(answers(model, plain), bare), (kind, row)


def answers(model: Any, inputs: Any) -> Any:
    with fast_fp32(), torch.inference_mode():
        return model(**inputs).logits.clone().numpy()
