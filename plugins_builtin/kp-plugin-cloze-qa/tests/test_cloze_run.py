"""Whole runs on tiny encoders and decoders; the frozen row's figures are those of a plain loop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from kpframework.cli.root import run
from kpframework.errors import SpecError
from kpframework.run.cache import Cache
from kpframework.run.plan import make_plan
from kpframework.spec import load_spec
from kpframework.testing.project import entity_class, entity_name, tiny_project, tiny_spec
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

SPLITS = {"train": range(28), "dev": range(28, 36), "test": range(36, 48)}
# Words that are one token of the tiny vocabularies, by what the entity vectors tell.
WORDS = {"bert": ("France", "Lyon"), "roberta": ("of", "in"), "gpt2": ("of", "in")}
WORDS["llama"] = WORDS["gpt2"]
NONSENSE = "xyzzy arachno"
LONG = ("the capital of France", "a seizure, 1967")
STAGE = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 8}
ROWS = [
    {"id": "frozen", "type": "none"},
    {"id": "map", "type": "map-tuning", "train": STAGE},
    {"id": "prompt", "type": "prompt", "max_tokens": 8, "knowledge": "held-out"},
    {"id": "e-bert", "type": "e-bert"},
]
HOSTS = [
    {"id": "full", "adaptation": {"type": "full", "epochs": 2, "lr": 0.003}},
    {"id": "mine", "checkpoint": "mine"},
]


def question(i: int, answers: tuple[str, str]) -> dict:
    name = entity_name(i)
    text = f"Where was the {name} born?"
    start = text.index(name)
    return {
        "id": f"q{i}",
        "question": text,
        "subject": {"start": start, "end": start + len(name), "entity": f"E{i}"},
        "answers": [answers[entity_class(i)]],
        "answer_entities": [f"K{entity_class(i)}"],
        "relation": "kind",
    }


def project(folder: Path, architecture: str, protocol: str, **changes) -> Path:
    family = architecture.split("-", maxsplit=1)[0]
    answers = WORDS[family] if protocol == "single-token" else LONG
    for split, entities in SPLITS.items():
        lines = [question(i, answers) for i in entities]
        if split == "test":
            lines.append({**question(0, (NONSENSE, NONSENSE)), "id": "long"})
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(q) + "\n" for q in lines))
    task = {
        "id": "asked",
        "type": "cloze-qa",
        "protocol": protocol,
        "data": {split: f"{split}.jsonl" for split in SPLITS},
        "max_length": 48,
    }
    write_checkpoint(folder / "mine", family)
    toy, names = tiny_spec()["knowledge"]
    # The prompt's triples: leakage control cannot change vectors that are read from files.
    exclude = {"task": "asked", "match": "exact", "splits": ["test"]}
    held_out = {**toy, "id": "held-out", "exclude": exclude}
    spec = {
        "knowledge": [toy, names, held_out],
        "tasks": [task],
        "hosts": HOSTS,
        "injections": ROWS,
        **changes,
    }
    return tiny_project(folder, architecture, **spec)


def write_checkpoint(folder: Path, family: str) -> None:
    """Write a language model whose answers move with its input, as a trained one's do."""
    tokenizer = tiny_tokenizer(family)
    kind = "bert-masked-lm" if family == "bert" else f"{family}-lm"
    model = tiny_model(kind, len(tokenizer), seed=3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8 if parameter.dim() == 2 else 1)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def executed(spec: Path) -> dict:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(spec.parent / "cache"))
        assert run(["run", str(spec), "-q", "-o", str(spec.parent / "out")]) == 0
    return json.loads((spec.parent / "out" / "results.json").read_text("utf-8"))


def evaluation(spec: Path, row: str, host: str):
    """Return a row's finished evaluation, and its plan's step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(spec.parent / "cache"))
        plan = make_plan(load_spec(spec))
        step = next(c for c in plan.cells if (c.row, c.host) == (row, host)).evaluations[0]
        return Cache().open(step), step, Cache()


def plain_outputs(folder: Path, causal: bool, protocol: str) -> list:
    """Return what each test question gets with nothing but transformers."""
    auto = transformers.AutoModelForCausalLM if causal else transformers.AutoModelForMaskedLM
    model = auto.from_pretrained(folder / "mine").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "mine")
    outputs = []
    for line in (folder / "test.jsonl").read_text("utf-8").splitlines():
        asked = json.loads(line)
        if protocol == "single-token" and asked["id"] == "long":
            continue
        start, end = asked["subject"]["start"], asked["subject"]["end"]
        text = asked["question"]
        text = f"{text[:start]}$ {text[start:end]} ${text[end:]}"
        if protocol == "single-token":
            outputs.append(last_logits(model, tokenizer, text, causal, 1)[0].numpy())
        else:
            pool = sorted({*LONG, NONSENSE})
            scores = [likelihood(model, tokenizer, text, own, causal) for own in pool]
            outputs.append(np.array(scores)[:, None])
    return outputs


def last_logits(model, tokenizer, text, causal, count, answer=()):
    """Return the logits that name the last ``count`` tokens after a text."""
    if causal:
        ids = tokenizer(text)["input_ids"] + list(answer)
        places = range(len(ids) - len(answer) - 1, len(ids) - (1 if answer else 0))
    else:
        ids = tokenizer(text + " " + " ".join([tokenizer.mask_token] * count))["input_ids"]
        places = [i for i, token in enumerate(ids) if token == tokenizer.mask_token_id]
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0][list(places)]


def likelihood(model, tokenizer, text, candidate, causal):
    ids = tokenizer(f" {candidate}", add_special_tokens=False)["input_ids"]
    logits = last_logits(model, tokenizer, text, causal, len(ids), ids).log_softmax(-1)
    return float(logits[range(len(ids)), ids].mean())


@pytest.mark.parametrize("protocol", ["single-token", "likelihood"])
@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-lm", "llama-lm"])
def test_every_row_runs_and_the_frozen_one_answers_as_a_plain_loop_does(
    tmp_path, architecture, protocol
):
    spec = project(tmp_path, architecture, protocol)
    results = executed(spec)
    asked = 12 if protocol == "single-token" else 13
    assert len(results["rows"]) == 8
    for row in results["rows"]:
        assert row["status"] == "ok", row["error"]
        assert row["plug_and_play"]
        if row["injection"] != "frozen":
            assert row["coverage"]["mentions"] == row["coverage"]["linked"] == asked

    entry, _, _ = evaluation(spec, "frozen", "mine")
    decisions = json.loads((entry.folder / "decisions.json").read_text("utf-8"))
    logits = np.load(entry.folder / "logits.npy", allow_pickle=False)
    expected = plain_outputs(tmp_path, architecture != "bert-classifier", protocol)
    assert len(decisions) == len(logits) == len(expected) == asked
    # A byte-level vocabulary as small as this one has spaces that stand alone before a name; a
    # marker then goes between the two, and no text says that.
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "mine")
    names = [entity_name(i) for i in [*SPLITS["test"], 0][:asked]]
    same = [i for i, name in enumerate(names) if tokenizer.tokenize(f" {name}")[0] != "Ġ"]
    assert len(same) >= asked // 2
    for i in same:
        np.testing.assert_allclose(logits[i], expected[i], rtol=1e-4, atol=1e-3)
        order = np.argsort(-expected[i].ravel())
        best = tokenizer.convert_ids_to_tokens(int(order[0]))
        assert decisions[i] == (best if protocol == "single-token" else order.tolist())
    _, step, cache = evaluation(spec, "frozen", "full")
    facts = cache.open(step.inputs["host"]).manifest.metrics
    # GPT-2's head is its word embeddings; the other two backbones come without one.
    assert facts["lm_head"] == ("own" if architecture == "gpt2-lm" else "new")
    started = {"bert-classifier": "answer frequencies"}.get(architecture)
    assert facts.get("lm_head_bias") == started

    counts = results["tasks"][0]["counts"]
    left = counts.get("test, left out: no answer of one token")
    assert left == (1 if protocol == "single-token" else None)
    (knowledge,) = (own for own in results["knowledge"] if own["id"] == "held-out")
    assert knowledge["excluded"]["excluded"] == asked


def test_the_page_says_what_was_left_out(tmp_path):
    rows = [{"id": "frozen", "type": "none"}]
    spec = project(tmp_path, "bert-classifier", "single-token", injections=rows, hosts=HOSTS[1:])
    executed(spec)
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "left out: no answer of one token" in page


def test_logits_of_a_whole_vocabulary_are_not_kept(tmp_path, monkeypatch):
    rows = [{"id": "frozen", "type": "none"}]
    for name, most in (("kept", 1000), ("left", 100)):  # the tiny vocabulary is between them
        (tmp_path / name).mkdir()
        monkeypatch.setattr("kpframework.run.steps.injection.KEPT_OUTPUTS", most)
        changes = {"injections": rows, "hosts": HOSTS[1:]}
        spec = project(tmp_path / name, "bert-classifier", "single-token", **changes)
        executed(spec)
        assert len(list((tmp_path / name / "cache").rglob("decisions.json"))) == 1
    assert [p.parts[len(tmp_path.parts)] for p in tmp_path.rglob("logits.npy")] == ["kept"]


def test_a_probe_is_refused_on_a_language_models_head(tmp_path):
    rows = [{"id": "frozen", "type": "none"}, {"id": "probe", "type": "probe"}]
    spec = project(tmp_path, "bert-classifier", "single-token", injections=rows)
    with pytest.raises(SpecError) as caught:
        load_spec(spec)
    (problem,) = caught.value.problems
    assert problem.code == "KP321"
    assert "spec.json:" in problem.where


@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-lm"])
@pytest.mark.parametrize("name", ["lora", "adapter", "bitfit"])
def test_every_adaptation_reloads_to_the_host_it_trained(tmp_path, architecture, name):
    rows = [{"id": "frozen", "type": "none"}]
    host = {"id": name, "adaptation": {"type": name, "epochs": 1, "lr": 0.05}}
    spec = project(tmp_path, architecture, "single-token", injections=rows, hosts=[host], seeds=[1])
    executed(spec)
    entry, step, cache = evaluation(spec, "frozen", name)
    made = cache.open(step.inputs["host"]).manifest.metrics
    assert entry.manifest.metrics["fingerprint"]["before"] == made["fingerprint"]
    assert made["trained"] > 0
