"""Every host with every injector and every task: it runs, is saved, loads again and goes off."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from kpframework import KnowledgePlugin
from kpframework.cli.root import run
from kpframework.testing.project import entity_name, tiny_project

TASK = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 8}
GENERAL = {"stage": "general", "corpus": "descriptions", "epochs": 1}
FACTS = {
    "factual": {"corpus": "descriptions", "epochs": 1},
    "width": 16,
    "heads": 2,
    "hidden": 32,
}
PRETRAIN = {"corpus": "descriptions"}
TRAIN_THE_HOST = {"with-mapper", "k-adapter-finetuned", "ernie"}
ROWS: list[dict[str, Any]] = [
    {"id": "frozen", "type": "none"},
    {"id": "task", "type": "map-tuning", "train": TASK},
    {"id": "bracket", "type": "map-tuning", "layout": "bracket", "train": TASK},
    {"id": "replace", "type": "map-tuning", "layout": "replace", "train": TASK},
    {"id": "e-bert", "type": "e-bert"},
    {"id": "fusion", "type": "ernie-fusion", "train": TASK},
    {"id": "prompt", "type": "prompt"},
    {"id": "probe", "type": "probe", "train": {"epochs": 1}},
    {"id": "with-mapper", "type": "fine-tuning-with-mapper", "init": "task"},
    {"id": "k-adapter", "type": "k-adapter", "train": TASK, **FACTS},
    {"id": "k-adapter-finetuned", "type": "k-adapter-finetuned", **FACTS},
]
WITH_LM: list[dict[str, Any]] = [
    {"id": "general", "type": "map-tuning", "train": GENERAL},
    {"id": "pelt", "type": "pelt", "corpus": "descriptions"},
    {"id": "fusion-general", "type": "ernie-fusion", "train": {**GENERAL, "lr": 0.2}},
    {"id": "ernie", "type": "ernie", "pretrain": PRETRAIN},
]
ENCODERS = ["bert-classifier", "roberta-classifier", "distilbert-classifier"]
ENCODERS += ["deberta-v2-classifier"]


def rows_of(architecture: str) -> list[dict[str, Any]]:
    rows = ROWS + (WITH_LM if architecture in ENCODERS else [])
    if architecture == "gpt2-classifier":  # a gated feed-forward block, as Llama's, is refused
        rows = [*rows, {"id": "ernie", "type": "ernie", "pretrain": {**PRETRAIN, "mlm": False}}]
    return [row if row["id"] == "frozen" else {**row, "knowledge": "names"} for row in rows]


@pytest.fixture(scope="module", params=[*ENCODERS, "gpt2-classifier", "llama-classifier"])
def finished(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    hosts = [{"id": "tuned", "adaptation": {"type": "full", "epochs": 1, "lr": 0.002}}]
    spec = tiny_project(folder, request.param, injections=rows_of(request.param), hosts=hosts)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        assert run(["run", str(spec), "-o", str(folder / "out")]) == 0
    return folder / "out"


def test_every_row_of_every_task_is_there_and_frozen_hosts_stayed_frozen(finished):
    results = json.loads((finished / "results.json").read_text("utf-8"))
    assert {row["task"] for row in results["rows"]} == {"typing", "relations"}
    for row in results["rows"]:
        assert row["status"] == "ok", row["error"]
        assert row["plug_and_play"] is not row["trains_host"]
        assert row["trains_host"] is (row["injection"] in TRAIN_THE_HOST)


def test_every_saved_plugin_loads_to_the_same_logits_and_goes_off_without_a_trace(finished):
    text = f"The patient has {entity_name(3)} and long fingers."
    host = transformers.AutoModelForSequenceClassification.from_pretrained(
        finished / "hosts" / "tuned--typing"
    ).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(finished / "hosts" / "tuned--typing")
    with torch.no_grad():
        bare = host(**tokenizer(text, return_tensors="pt")).logits
        folders = [f for f in (finished / "plugins").iterdir() if "relations" not in f.name]
        assert len(folders) >= 6
        for folder in folders:
            found = []
            for _ in range(2):
                plugin = KnowledgePlugin.from_pretrained(folder)
                plugin.attach(host, tokenizer)
                found.append(host(**plugin.encode([text])).logits)
                plugin.detach()
                assert torch.equal(host(**tokenizer(text, return_tensors="pt")).logits, bare)
            assert torch.equal(found[0], found[1]), folder.name
            # The probe answers for the task's own mentions alone, and a plain text has none.
            assert torch.equal(found[0], bare) is folder.name.startswith("probe"), folder.name


@pytest.mark.parametrize("row", WITH_LM, ids=lambda row: row["id"])
def test_a_decoder_has_no_masked_language_model_and_says_so_before_the_run(tmp_path, row, capsys):
    rows = [{"id": "frozen", "type": "none"}, row]
    spec = tiny_project(tmp_path, "gpt2-classifier", injections=rows)
    assert run(["validate", str(spec)]) == 2
    assert "mask" in capsys.readouterr().err


def test_what_a_model_with_gated_blocks_cannot_hold_is_refused_by_validate(tmp_path, capsys):
    row = {"id": "ernie", "type": "ernie", "knowledge": "names"}
    row["pretrain"] = {**PRETRAIN, "mlm": False}
    spec = tiny_project(tmp_path, "llama-classifier", injections=[row])
    assert run(["validate", str(spec)]) == 2
    assert "KP318" in capsys.readouterr().err
