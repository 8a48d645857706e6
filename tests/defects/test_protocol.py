"""Defects (docs/explanation/defects.md) in protocols and scores."""

from __future__ import annotations

import json
import random
import shutil
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kp_plugin_classification.config import TypingConfig
from kp_plugin_classification.typing import EntityTyping
from kp_plugin_cloze_qa.config import ClozeQAConfig
from kp_plugin_cloze_qa.task import ClozeQA
from kp_plugin_cloze_qa.template import Template
from kp_plugin_few_shot_relation.config import FewShotConfig
from kp_plugin_few_shot_relation.task import FewShotRelation

from kpframework.api import Context, EmbeddingTable, Segment, TrainConfig
from kpframework.cli.root import run
from kpframework.kb.table import EntityTable, write_table
from kpframework.run.plan import make_plan
from kpframework.run.step import Step
from kpframework.spec import load_spec
from kpframework.testing.project import tiny_project, tiny_spec
from kpframework.testing.tiny import tiny_tokenizer
from kpframework.train.data import encode_examples
from kpframework.train.loop import Job, run_training
from kpframework.train.masked_lm import masked_items

TASK = {"stage": "task", "epochs": 1, "lr": 0.02}
GENERAL = {"stage": "general", "corpus": "own", "epochs": 1}
ROWS: list[dict[str, Any]] = [
    {"id": "frozen", "type": "none"},
    {"id": "task", "type": "map-tuning", "train": TASK},
    {"id": "general", "type": "map-tuning", "train": GENERAL, "knowledge": "names"},
]
CORPORA = [{"id": "own", "task": "typing"}]
TEXT = "Paris is the capital of France / and Lyon is not."


def above(step: Step) -> Iterator[Step]:
    """Yield a step and all it is made from."""
    yield step
    for parent in step.inputs.values():
        yield from above(parent)


def trained(spec: Path) -> dict[str, Step]:
    plan = make_plan(load_spec(spec))
    found = [s for cell in plan.cells for s in (*cell.hosts, *cell.trained) if s is not None]
    return {step.name: step for step in found}


def trained_keys(spec: Path) -> dict[str, str]:
    return {name: step.key for name, step in trained(spec).items()}


def test_d13_nothing_that_is_trained_can_see_a_test_example(tmp_path):
    spec = tiny_project(tmp_path, injections=ROWS, corpora=CORPORA)
    steps = trained(spec)
    assert len(steps) >= 5
    for step in steps.values():
        names = {own.name for own in above(step)}
        assert any(name.startswith("examples[") for name in names)
        assert not [name for name in names if name.startswith(("test[", "links-test["))]


def test_d13_each_test_example_is_scored_once_for_each_row_and_seed(tmp_path):
    plan = make_plan(load_spec(tiny_project(tmp_path, seeds=[0, 1])))
    scoring = [step for cell in plan.cells for step in cell.evaluations]
    assert len(scoring) == len({step.key for step in scoring}) == 2 * 2 * 2


def small_net() -> torch.nn.Module:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1))


def job(net: torch.nn.Module, dev: Any = None, stop_at: int = 99) -> Job:
    data = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    done: list[int] = []

    def loss(indices: list[int]) -> torch.Tensor:
        done.append(1)
        if len(done) > stop_at:
            raise InterruptedError
        net.train()
        return net(data[indices]).square().mean()

    return Job(net, lambda _epoch: [[0, 1, 2, 3], [4, 5, 6, 7]], loss, dev)


def test_d14_epochs_are_told_apart_by_scores_that_differ_in_the_fourth_decimal(tmp_path):
    scores = iter([0.9496, 0.9504, 0.9501])
    config = TrainConfig(epochs=3, lr=0.01)
    history = run_training(
        job(small_net(), lambda: next(scores)), config, Context(scratch=tmp_path)
    )
    assert history.kept == 2
    assert history.dev == [0.9496, 0.9504, 0.9501]


def typing_task(folder: Path) -> EntityTyping:
    tiny_project(folder)
    data = {name: str(folder / "typing" / f"{name}.jsonl") for name in ("train", "dev", "test")}
    return EntityTyping(TypingConfig.model_validate({"data": data}), Context())


def test_d14_a_metric_is_not_rounded(tmp_path):
    task = typing_task(tmp_path)
    decisions, targets = [[0], [0], [1]] * 2333, [[0], [0], [0]] * 2333
    value = float(task.score(task.statistics(decisions, targets).sum(0))["micro_f1"])
    assert value == pytest.approx(2 / 3, abs=1e-15)


def test_d18_a_table_is_not_read_into_memory_to_take_some_rows_of_it(tmp_path):
    rows, dim = 60_000, 256
    ids = [f"Q{i}" for i in range(rows)]
    vectors = np.ones((rows, dim), np.float32) * np.arange(rows, dtype=np.float32)[:, None]
    write_table(tmp_path / "table", EmbeddingTable(ids, vectors, {}))
    tracemalloc.start()
    again = EntityTable.open(tmp_path / "table")
    found = again.gather(again.rows(["Q7", "Q59999"]))
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[:, 0].tolist() == [7.0, 59999.0]
    assert peak < vectors.nbytes / 5
    assert kept < 20 * rows, "the ids alone, without an object for each row"


def test_d19_neither_the_working_folder_nor_the_place_of_the_spec_matters(tmp_path, monkeypatch):
    spec = tiny_project(tmp_path / "here", injections=ROWS, corpora=CORPORA)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    keys = [trained_keys(spec)]
    monkeypatch.chdir(tmp_path / "empty")
    keys.append(trained_keys(spec))
    shutil.move(tmp_path / "here", tmp_path / "there")
    keys.append(trained_keys(tmp_path / "there" / "spec.json"))
    assert keys[0] == keys[1] == keys[2]


QUESTIONS = [
    {"question": "Where is Lyon?", "subject": {"start": 9, "end": 13, "entity": "E1"},
     "answers": ["Lyon is not there", "france", "paris"], "relation": "P1"},
    {"question": "Where is Paris?", "subject": {"start": 9, "end": 14, "entity": "E2"},
     "answers": ["Somewhere unheard of"], "relation": "P1"},
    {"question": "Who is Jean?", "subject": {"start": 7, "end": 11}, "answers": ["france"],
     "relation": "P1"},
]  # fmt: skip


@pytest.fixture
def cloze(tmp_path):
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(q) + "\n" for q in QUESTIONS), "utf-8")
    seen = tmp_path / "seen.jsonl"
    seen.write_text(json.dumps(QUESTIONS[0]) + "\n", "utf-8")
    tokenizer = tiny_tokenizer("bert")
    tokenizer.add_tokens(["france", "paris"])

    def make(**options: Any) -> ClozeQA:
        data = {"train": str(seen), "dev": str(seen), "test": str(path)}
        config = {"data": data, **options}
        context = Context(tokenizer=lambda: tokenizer)
        return ClozeQA(ClozeQAConfig.model_validate(config), context)

    return make


def test_d20_questions_left_out_are_counted_by_their_reason(cloze):
    task = cloze(subjects="with-entity")
    assert len(list(task.examples("test"))) == 1
    assert task.counts() == {
        "test, left out: no answer of one token": 1,
        "test, left out: subject without an entity": 1,
    }


def test_d20_every_gold_answer_of_one_token_is_right(cloze):
    task = cloze()
    (first, _) = task.examples("test")
    values = [task.quality(word, first.target) for word in (*first.target["words"], "not")]
    assert first.target["words"] == ["france", "paris"]
    assert values == [1.0, 1.0, 0.0]


def test_d20_a_template_that_ends_in_its_subject_still_has_one():
    assert Template("who wrote [X]").subject_of("who wrote Jean Marchi") == (10, 21)


def test_d21_a_mention_without_a_vector_is_neither_masked_nor_scored(make_rig):
    rig = make_rig("bert-masked-lm")
    mentions = [[rig.mention(TEXT, "Lyon", "E1"), rig.mention(TEXT, "Paris", "nobody")]]
    (item,) = masked_items(rig.tokenizer, [Segment(TEXT)], mentions, rig.knowledge, 64).items
    lyon, paris = (
        rig.tokenizer(w, add_special_tokens=False)["input_ids"] for w in ("Lyon", "Paris")
    )
    assert [token for _, token in item.targets] == lyon
    assert " ".join(map(str, paris)) in " ".join(map(str, item.input_ids))


def test_d21_general_map_tuning_on_a_tasks_texts_reads_its_training_split_alone(tmp_path):
    spec = tiny_project(tmp_path, injections=ROWS[:1] + ROWS[2:], corpora=CORPORA)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-q", "-o", str(tmp_path / "out")]) == 0
    (passages,) = (tmp_path / "cache").rglob("passages.jsonl")
    read = [json.loads(line)["segments"][0]["text"] for line in passages.open(encoding="utf-8")]
    train = [
        json.loads(line)["text"]
        for line in (tmp_path / "typing" / "train.jsonl").open(encoding="utf-8")
    ]
    assert read == train


def few_shot(folder: Path, tokens: list[str], **setting: int) -> FewShotRelation:
    """A task whose every instance is these tokens, head first and tail last."""
    last = len(tokens) - 1
    one = {"tokens": tokens, "h": ["a", "E1", [[0]]], "t": ["b", "E2", [[last]]]}
    path = folder / "data.json"
    path.write_text(json.dumps({name: [one] * 8 for name in ("P1", "P2", "P3")}), "utf-8")
    test = folder / "test.json"
    test.write_text(json.dumps({name: [one] * 8 for name in ("P4", "P5")}), "utf-8")
    size = {"ways": 2, "shots": 1, "queries": 3, "episodes": 2, **setting}
    config = {
        "data": {"train": str(path), "dev": str(path), "test": str(test)},
        "train": size,
        "dev": {"episodes": 1, "first_seed": 50},
        "test": size,
    }
    return FewShotRelation(FewShotConfig.model_validate(config), Context())


def test_d12_markers_in_the_text_itself_stop_no_truncation(tmp_path):
    tokens = ["Paris", "#", "$", *["and"] * 60, "#", "$", "Lyon"]
    tokenizer = tiny_tokenizer("bert")
    examples = list(few_shot(tmp_path, tokens).examples("train"))
    data = encode_examples(tokenizer, 48, examples)
    pieces = {w: tokenizer.convert_tokens_to_ids(w) for w in ("#", "$")}
    assert len(data.items) == len(examples) * 2
    for item in data.items:
        assert len(item.input_ids) <= 48
        inserted = [i for i, o in zip(item.input_ids, item.origin, strict=True) if o < 0]
        # Two instances, each with both edges of both mentions, whatever the text holds.
        assert [inserted.count(pieces[w]) for w in ("#", "$")] == [4, 4]


def test_d22_drawing_episodes_and_training_leave_every_global_generator_alone(tmp_path):
    tokens = ["Paris", "and", "Lyon"]
    random.seed(5)
    np.random.seed(5)  # it is the global one that is looked at
    net = small_net()
    torch.manual_seed(5)
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    list(few_shot(tmp_path, tokens).examples("train"))
    run_training(job(net), TrainConfig(epochs=1, select="last"), Context(scratch=tmp_path))
    after = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state()
    assert after[:2] == before[:2]
    assert torch.equal(after[2], before[2])


def test_d23_a_loss_does_not_grow_with_the_batch_or_the_number_of_queries(tmp_path):
    torch.manual_seed(0)
    few = few_shot(tmp_path, ["Paris", "and", "Lyon"])
    pairs, classes = torch.randn(4, 2, 1), torch.randn(4, 2)
    typing = typing_task(tmp_path / "typing")
    for task, logits, targets in (
        (few, pairs, [0, 1, 1, 0]),
        (typing, classes, [[0], [1], [1], [0]]),
    ):
        once, many = (
            task.loss(logits, targets),
            task.loss(logits.repeat(8, *[1] * (logits.dim() - 1)), targets * 8),
        )
        torch.testing.assert_close(once, many)


def test_d27_a_killed_training_goes_on_to_the_same_bits(tmp_path):
    config = TrainConfig(epochs=3, lr=0.05, select="last")
    whole, killed, resumed = small_net(), small_net(), small_net()
    run_training(job(whole), config, Context(scratch=tmp_path / "a"))
    with pytest.raises(InterruptedError):
        run_training(
            job(killed, stop_at=3), config, Context(scratch=tmp_path / "b"), checkpoint_every=0
        )
    run_training(job(resumed), config, Context(scratch=tmp_path / "b"))
    for ours, theirs in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_d27_seeds_are_swept_intervals_are_paired_and_half_precision_runs(tmp_path):
    rows = ROWS[:2]
    spec = tiny_project(
        tmp_path, injections=rows, corpora=[], seeds=[0, 1], tasks=tiny_spec()["tasks"][:1],
        run={"device": "cpu", "threads": 1, "precision": "bf16"},
    )  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-q", "-o", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    (row,) = [r for r in results["rows"] if r["injection"] == "task"]
    metric = row["metrics"]["micro_f1"]
    assert len(metric["per_seed"]) == 2
    assert metric["interval"][0] <= metric["mean"] <= metric["interval"][1]
    paired = row["difference"]["metrics"]["micro_f1"]
    assert row["difference"]["baseline"] == "frozen"
    assert paired["interval"][0] <= paired["mean"] <= paired["interval"][1]
