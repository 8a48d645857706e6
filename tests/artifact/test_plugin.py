"""The knowledge plugin from Python: on a plain transformers model, alone and beside others."""

from __future__ import annotations

import gc
import json
import socket
import weakref

import numpy as np
import pytest
import torch
import transformers

from kpframework import KnowledgePlugin, KpError, owner
from kpframework.api import Mention, Segment, marker_edits
from kpframework.artifact import HOST, encode_mixed
from kpframework.inject.batch import ENTITIES as CODES
from kpframework.run.cache import Cache
from kpframework.run.plan import make_plan
from kpframework.spec import load_spec
from kpframework.testing.project import entity_name
from kpframework.testing.tiny import tiny_model, tiny_tokenizer
from kpframework.train.loop import fast_fp32

from .conftest import TEXTS, logits


def test_four_lines_on_a_plain_model_change_its_answer_and_detach_takes_it_back(run):
    model, tokenizer = run.host()
    bare = dict(tokenizer(list(TEXTS), padding=True, return_tensors="pt"))
    before = logits(model, bare)

    plugin = KnowledgePlugin.from_pretrained(run.plugins / "names")
    plugin.attach(model, tokenizer)
    inputs = plugin.encode(TEXTS)
    after = logits(model, inputs)
    assert torch.equal(logits(model, bare), before), "without a slot nothing changes"
    plugin.detach()

    assert (inputs[CODES] >= 0).sum(1).tolist() == [1, 2, 0, 1]
    assert not torch.equal(after[0], before[0])
    assert torch.equal(logits(model, bare), before)
    assert not model._forward_hooks
    assert not model._forward_pre_hooks
    assert not model.get_input_embeddings()._forward_hooks


@pytest.mark.parametrize("name", ["names", "toy"])
def test_logits_are_those_the_run_was_scored_on(run, name):
    plan = make_plan(load_spec(run.folder / "spec.json"))
    cell = next(cell for cell in plan.cells if cell.row == name)
    entry = Cache().open(cell.evaluations[0])
    expected = np.load(entry.folder / "logits.npy", allow_pickle=False)
    lines = (run.folder / "typing" / "test.jsonl").read_text("utf-8").splitlines()
    examples = [json.loads(line) for line in lines]
    texts = [example["text"] for example in examples]
    model, tokenizer = run.host()
    plugin = run.plugin(name)
    plugin.attach(model, tokenizer)
    known = [
        [Mention(e["start"], e["end"], e["entity"], role="mention")] for e in examples
    ] if name == "toy" else plugin.link(texts)  # fmt: skip
    lengths = plugin.encode(texts, known)["attention_mask"].sum(1).numpy()
    order = np.argsort(-lengths, kind="stable")
    batch = plugin.encode([texts[i] for i in order], [known[i] for i in order])
    with fast_fp32():
        own = logits(model, batch).numpy()
    assert np.array_equal(own, expected[order])
    # Under the kernels that torch takes by itself, to rounding.
    assert np.allclose(logits(model, batch).numpy(), expected[order], atol=1e-5)


def test_each_row_of_a_batch_has_its_own_plugin_or_none(run):
    model, tokenizer = run.host()
    concat, replace = run.plugin("names"), run.plugin("names")
    concat.attach(model, tokenizer, "one")
    replace.state = {name: tensor * 2 for name, tensor in replace.state.items()}
    replace.attach(model, tokenizer, "two")
    texts = [TEXTS[0], TEXTS[1], TEXTS[0], TEXTS[1], TEXTS[0]]
    mixed = encode_mixed(texts, [concat, HOST, replace, concat, HOST])
    together = logits(model, mixed)
    alone = {p: logits(model, p.encode(texts)) for p in (concat, replace)}
    for i, own in ((0, concat), (2, replace), (3, concat)):
        assert torch.allclose(together[i], alone[own][i], rtol=0, atol=1e-6)
    assert not torch.allclose(together[0], together[2], rtol=0, atol=1e-4)
    concat.detach()
    assert torch.equal(logits(model, replace.encode(texts)), alone[replace])
    replace.detach()
    bare = logits(model, {name: own for name, own in mixed.items() if name != CODES})
    assert torch.equal(together[[1, 4]], bare[[1, 4]])
    assert not torch.equal(together[0], bare[0])


def test_a_segment_brings_a_tasks_own_markers_into_every_row_of_a_batch(run):
    model, tokenizer = run.host()
    plugin = run.plugin()
    plugin.attach(model, tokenizer)
    name = entity_name(40)
    text = f"The patient has {name} and long fingers."
    own = Mention(16, 16 + len(name), role="mention")
    segment = Segment(text, (own,), marker_edits(own, "$"))
    mixed = encode_mixed([segment, segment, text], [plugin, HOST, HOST])
    shown = tokenizer.batch_decode(mixed["input_ids"])
    assert [row.count("$") for row in shown] == [2, 2, 0]
    alone = plugin.encode([segment])
    assert torch.equal(alone["input_ids"], mixed["input_ids"][:1, : alone["input_ids"].shape[1]])
    written = tokenizer(f"The patient has $ {name} $ and long fingers.")["input_ids"]
    assert mixed["input_ids"][1][mixed["attention_mask"][1] == 1].tolist() == written
    assert [mention.role for mention in plugin.link([segment])[0]] == ["mention"]
    plugin.detach()


def test_plugins_of_several_hosts_are_not_mixed(run):
    hosts = [run.host(), run.host()]
    plugins = [run.plugin(), run.plugin("toy")]
    for plugin, host in zip(plugins, hosts, strict=True):
        plugin.attach(*host)
    for knowledge in (plugins, [plugins[0], "names"], [HOST, HOST]):
        with pytest.raises(KpError) as error:
            encode_mixed(TEXTS[:2], knowledge)
        assert error.value.code == "KP773"


def test_saved_again_it_is_the_same_plugin(run, tmp_path):
    first = run.plugin()
    first.save_pretrained(tmp_path / "saved")
    second = KnowledgePlugin.from_pretrained(tmp_path / "saved")
    second.save_pretrained(tmp_path / "saved")  # onto the place it was loaded from
    third = KnowledgePlugin.from_pretrained(str(tmp_path / "saved"))
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]
    for name in ("kp_model.safetensors", "kp_config.json"):
        saved = (tmp_path / "saved" / name).read_bytes()
        assert saved == (run.plugins / "names" / name).read_bytes()
    model, tokenizer = run.host()
    answers = []
    for plugin in (first, third):
        plugin.attach(model, tokenizer)
        answers.append(logits(model, plugin.encode(TEXTS)))
        plugin.detach()
    assert torch.equal(*answers)


def test_nothing_but_a_plugin_is_replaced_by_saving(run, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("x")
    with pytest.raises(KpError) as error:
        run.plugin().save_pretrained(tmp_path / "precious")
    assert error.value.code == "KP770"
    assert [path.name for path in tmp_path.rglob("*")] == ["precious", "thesis.tex"]


def test_what_a_killed_process_had_written_aside_is_removed(run, tmp_path):
    dead = tmp_path / f".saved.tmp.0.999999999.1.{socket.gethostname()}"
    alive = owner.aside(tmp_path / "saved")
    alive.mkdir()
    dead.mkdir()
    run.plugin().save_pretrained(tmp_path / "saved")
    assert {path.name for path in tmp_path.iterdir()} == {"saved", alive.name}


def test_a_change_to_a_saved_plugin_does_not_reach_the_cache(run):
    linked = [
        p for p in (run.plugins / "names").rglob("*") if p.is_file() and p.stat().st_nlink > 1
    ]
    assert linked == [], "only files too large to copy are links"


def test_it_explains_what_it_links(run):
    plugin = run.plugin()
    found = plugin.explain(TEXTS[1])
    assert [(m["entity"], m["mention"], m["name"]) for m in found] == [
        ("E3", entity_name(3), entity_name(3)),
        ("E4", entity_name(4), entity_name(4)),
    ]
    assert plugin.explain("") == []


def test_it_has_to_be_attached_once(run):
    plugin = run.plugin()
    with pytest.raises(KpError) as error:
        plugin.encode(TEXTS)
    assert error.value.code == "KP772"
    model, tokenizer = run.host()
    plugin.attach(model, tokenizer)
    with pytest.raises(KpError) as error:
        plugin.attach(model, tokenizer, "again")
    assert error.value.code == "KP775"
    with pytest.raises(KpError) as error:
        run.plugin().attach(model, tokenizer)
    assert error.value.code == "KP711"
    plugin.detach()
    plugin.detach()
    plugin.attach(model, tokenizer)


def test_a_host_is_freed_after_the_last_plugin_left(run):
    model, tokenizer = run.host()
    plugin = run.plugin()
    plugin.attach(model, tokenizer)
    logits(model, plugin.encode(TEXTS))
    plugin.detach()
    seen = weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None


def test_a_host_of_another_width_is_refused_and_left_alone(run):
    tokenizer = tiny_tokenizer("bert-classifier")
    size = {"num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}
    config = transformers.BertConfig(vocab_size=len(tokenizer), hidden_size=16, **size)
    model = transformers.BertForSequenceClassification(config)
    with pytest.raises(KpError) as error:
        run.plugin().attach(model, tokenizer)
    assert error.value.code == "KP716"
    assert "32 wide" in str(error.value)
    assert not model._forward_hooks


@pytest.mark.parametrize("architecture", ["gpt2-lm", "llama-lm"])
def test_a_decoder_generates_with_it(run, architecture):
    tokenizer = tiny_tokenizer(architecture)
    model = tiny_model(architecture, len(tokenizer))
    text = f"Jean was born in {entity_name(3)} and"
    ids = tokenizer(text, return_tensors="pt")
    options = {"max_new_tokens": 5, "do_sample": False, "pad_token_id": 0}
    before = model.generate(**ids, **options, return_dict_in_generate=True, output_logits=True)
    plugin = run.plugin()
    plugin.attach(model, tokenizer, strict=False)
    inputs = plugin.encode(text)
    made = model.generate(**inputs, **options, return_dict_in_generate=True, output_logits=True)
    assert made.sequences.shape[1] == inputs["input_ids"].shape[1] + 5
    assert not torch.allclose(made.logits[0], before.logits[0], atol=1e-4)
    again = model.generate(**ids, **options)
    assert torch.equal(again, before.sequences)
    plugin.detach()
    assert torch.equal(model.generate(**ids, **options), before.sequences)
