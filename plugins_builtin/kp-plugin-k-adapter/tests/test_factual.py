import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from kp_plugin_k_adapter.config import KAdapterConfig
from kp_plugin_k_adapter.factual import RelationHead, RelationIndex, pairs
from kp_plugin_k_adapter.injector import KAdapter
from safetensors.torch import load_file

from kpframework import KnowledgePlugin
from kpframework.api import Context, Mention, Segment
from kpframework.cli.root import run
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.project import entity_name, tiny_project
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_tokenizer
from kpframework.train.session import Session

SMALL = {"width": 16, "heads": 2, "hidden": 32}
TASK = {"stage": "task", "epochs": 1, "lr": 0.02, "batch_size": 8}
FACTS = {"corpus": "descriptions", "epochs": 1, "batch_size": 16}


class Base:
    entity_ids = ("A", "B", "C")
    relations = ("capital", "in", "near")
    triples = np.array([[0, 0, 1], [0, 2, 1], [1, 1, 2], [2, 2, 2]])

    def row(self, entity):
        return self.entity_ids.index(entity) if entity in self.entity_ids else None


def test_relations_of_a_pair_are_found_in_their_direction():
    ids = ["A", "B", "C", "unknown"]
    heads = np.array([0, 1, 1, 0, 2, 0, 3, 0])
    tails = np.array([1, 2, 0, 2, 2, 3, 3, 1])
    pair, relations = RelationIndex(Base()).between(ids, heads, tails)
    assert list(zip(pair, relations, strict=True)) == [(0, 0), (0, 2), (1, 1), (7, 0), (7, 2)]


class Random:
    """A knowledge base drawn at random, which counts how often a row is asked for."""

    def __init__(self, entities=40, triples=300):
        generator = np.random.default_rng(0)
        self.entity_ids = [f"Q{i}" for i in range(entities)]
        self.relations = ["r", "s", "t"]
        drawn = generator.integers(0, [entities, 3, entities], (triples, 3))
        self.triples = np.unique(drawn, axis=0)
        self.asked = 0

    def row(self, entity):
        self.asked += 1
        row = int(entity[1:])
        return row if row < len(self.entity_ids) else None


def test_the_pairs_of_a_batch_are_those_of_a_loop_and_each_row_is_asked_for_once():
    base, generator = Random(), np.random.default_rng(1)
    rows, columns = np.sort(generator.integers(0, 9, 60)), generator.integers(0, 50, 60)
    batch = SimpleNamespace(
        ids=[f"Q{i}" for i in generator.integers(0, 45, 60)],
        entities=SimpleNamespace(rows=torch.tensor(rows), columns=torch.tensor(columns)),
    )
    known = {tuple(triple) for triple in base.triples.tolist()}
    expected = []
    for row in dict.fromkeys(rows.tolist()):
        own = [i for i in range(60) if rows[i] == row]
        for head, tail in itertools.product(own, own):
            first, last = int(batch.ids[head][1:]), int(batch.ids[tail][1:])
            for relation in range(3):
                if first != last and (first, relation, last) in known:
                    ends = ([row, columns[head]], [row, columns[tail]])
                    expected.append((*ends, relation))
    index = RelationIndex(base)
    assert list(pairs(batch, index)) == expected
    assert list(pairs(batch, index)) == expected != []
    assert base.asked == len(set(batch.ids))


def test_a_batch_without_a_mention_has_no_pairs():
    empty = torch.zeros(0, dtype=torch.long)
    batch = SimpleNamespace(ids=[], entities=SimpleNamespace(rows=empty, columns=empty))
    assert list(pairs(batch, RelationIndex(Base()))) == []


@pytest.mark.parametrize(("entities", "joined"), [("AB", True), ("BA", True), ("AC", False)])
def test_a_passage_is_read_if_a_relation_joins_two_of_its_mentions(entities, joined):
    mentions = [Mention(i, i + 1, entity) for i, entity in enumerate(entities)]
    assert RelationIndex(Base()).joins(mentions) is joined


class Batch:
    ids = ("A", "B", "B", "C", "A")

    class entities:
        rows, columns = torch.tensor([0, 0, 1, 1, 2]), torch.tensor([1, 4, 2, 5, 3])


def test_each_joined_pair_of_a_text_is_an_instance_of_each_of_its_relations():
    found = list(pairs(Batch, RelationIndex(Base())))
    assert found == [([0, 1], [0, 4], 0), ([0, 1], [0, 4], 2), ([1, 2], [1, 5], 1)]


def test_the_head_reads_both_mention_starts_in_order():
    torch.manual_seed(0)
    head, states = RelationHead(3, 4), torch.randn(2, 5, 6)
    first, second = torch.tensor([[0, 1], [1, 2]]), torch.tensor([[0, 3], [1, 0]])
    own = {k: v.detach() for k, v in head.state_dict().items()}
    expected = []
    for (row, a), (_, b) in zip(first.tolist(), second.tolist(), strict=True):
        ends = [own["join.weight"] @ states[row, at] + own["join.bias"] for at in (a, b)]
        expected.append(own["classify.weight"] @ torch.cat(ends) + own["classify.bias"])
    torch.testing.assert_close(head(states, first, second), torch.stack(expected))


def mention(text, word, entity):
    return Mention(text.index(word), text.index(word) + len(word), entity)


PASSAGES = [
    (Segment(TEXTS[1]), [mention(TEXTS[1], "Paris", "A"), mention(TEXTS[1], "Lyon", "B")]),
    (Segment(TEXTS[2]), [mention(TEXTS[2], "Marchi", "B"), mention(TEXTS[2], "Paris", "C")]),
]


def session(tmp_path, passages, **options):
    tokenizer = tiny_tokenizer("bert-classifier")
    model = freeze(tiny_model("bert-classifier", len(tokenizer)))
    attachment = Attachment(model)
    config = KAdapterConfig(train=TASK, factual=FACTS, **SMALL, **options)
    injector = KAdapter(config, Context())
    injector.prepare(Base())
    knowledge = plug(attachment, "knowledge", injector, None)
    made = Session(attachment, knowledge, tokenizer, Context(scratch=tmp_path))
    made.passages = passages
    return made


def test_facts_are_learnt_by_the_adapter_alone(tmp_path):
    own = session(tmp_path, PASSAGES)
    before = fingerprint(own.attachment.model)
    state = {k: v.clone() for k, v in own.module.state_dict().items()}
    facts = own.knowledge.injector.config.factual
    facts = facts.model_copy(update={"epochs": 40, "lr": 0.01})
    own.knowledge.injector._train_on_facts(own, facts)
    (history,) = own.histories
    # Two of three instances are one text: their labels differ, so their best is log 2 each.
    assert history.loss[0] > 1
    assert history.loss[-1] < 2 / 3 * np.log(2) + 0.1
    assert fingerprint(own.attachment.model) == before
    moved = {k for k, v in own.module.state_dict().items() if not torch.equal(v, state[k])}
    assert moved == {k for k in state if k.startswith("layers.")}


def test_a_corpus_without_a_joined_pair_is_refused(tmp_path):
    own = session(tmp_path, [(PASSAGES[0][0], PASSAGES[0][1][:1])])
    with pytest.raises(KpError, match=r"KP464[\s\S]*were not chosen"):
        own.knowledge.injector._train_on_facts(own, own.knowledge.injector.config.factual)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("k-adapter")
    general = {"stage": "general", "corpus": "descriptions", "epochs": 1}
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "task", "type": "k-adapter", "factual": FACTS, "train": TASK},
        {"id": "general", "type": "k-adapter", "factual": FACTS, "train": general},
        {"id": "from-general", "type": "k-adapter", "init": "general", "train": TASK},
        {"id": "finetuned", "type": "k-adapter-finetuned", "factual": FACTS},
    ]
    rows = [
        row if row["id"] == "frozen" else {**row, "knowledge": "names", **SMALL} for row in rows
    ]
    spec = tiny_project(folder, injections=rows)
    for name in ("out", "again"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KPFRAMEWORK_CACHE", str(folder / f"cache-{name}"))
            assert run(["run", str(spec), "-o", str(folder / name)]) == 0
    return folder


def test_an_adapter_that_nothing_trains_is_refused(tmp_path, capsys):
    rows = [
        {"id": "facts", "type": "k-adapter", "factual": FACTS, "train": TASK},
        {"id": "again", "type": "k-adapter", "init": "facts", "train": TASK},
        {"id": "tuned", "type": "k-adapter", "tune_adapter": True, "train": TASK},
        {"id": "drawn", "type": "k-adapter", "train": TASK},
    ]
    spec = tiny_project(tmp_path, injections=[{**row, "knowledge": "names"} for row in rows])
    assert run(["validate", str(spec)]) == 2
    told = capsys.readouterr().err
    assert told.count("KP322") == 1
    assert "injections[drawn]" in told
    assert "the adapter is not trained: needs 'factual' or 'init'" in told


def test_rows_run_and_only_the_finetuned_form_trains_its_host(finished):
    results = json.loads((finished / "out" / "results.json").read_text("utf-8"))
    for row in results["rows"]:
        assert row["status"] == "ok", row["error"]
        assert row["plug_and_play"] is (row["injection"] != "finetuned")
        assert row["input_overhead"] == 0
    assert not (finished / "cache-out" / "embeddings").exists()


def test_two_runs_give_the_same_bits(finished):
    made = sorted((finished / "cache-out" / "train").glob("*/*/kp_model.safetensors"))
    assert len(made) == 7
    for own in made:
        again = finished / "cache-again" / own.relative_to(finished / "cache-out")
        assert own.read_bytes() == again.read_bytes()


def test_a_row_that_starts_from_another_keeps_its_adapter(finished):
    first, second = (
        load_file(finished / "out" / "plugins" / name / "kp_model.safetensors")
        for name in ("general", "from-general--typing")
    )
    layers = [name for name in first if name.startswith("layers.")]
    assert layers
    assert all(torch.equal(first[name], second[name]) for name in layers)
    assert not torch.equal(first["fuse.gate"], second["fuse.gate"])


def test_a_saved_plugin_holds_no_vectors_and_loads_to_the_same_logits(finished, tmp_path):
    folder = finished / "out" / "hosts" / "tuned--typing"
    host = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    text = f"The patient has {entity_name(3)} and long fingers."
    saved = finished / "out" / "plugins" / "task--typing"
    assert not (saved / "entities").exists()
    assert "none are used" in (saved / "README.md").read_text("utf-8")
    found = []
    with torch.no_grad():
        bare = host(**tokenizer(text, return_tensors="pt")).logits
        for path in (saved, tmp_path / "copy"):
            plugin = KnowledgePlugin.from_pretrained(path)
            plugin.save_pretrained(tmp_path / "copy")
            plugin.attach(host, tokenizer)
            found.append(host(**plugin.encode([text])).logits)
            plugin.detach()
            assert torch.equal(host(**tokenizer(text, return_tensors="pt")).logits, bare)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], bare)
