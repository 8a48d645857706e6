import json

import pytest
import torch
from kp_plugin_kv_knowledge.config import KVKnowledgeConfig
from kp_plugin_kv_knowledge.injector import KVKnowledge

from kpframework.api import Context, Mention, Segment
from kpframework.cli.root import run
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import ENTITIES, Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_table, tiny_tokenizer

TASK = {"stage": "task", "epochs": 4, "lr": 0.02, "batch_size": 8}
LMS = ["gpt2-lm", "llama-lm"]
HOSTS = [*LMS, "bert-classifier", "roberta-classifier", "distilbert-classifier"]


class Rig:
    def __init__(self, architecture, side="right", **options):
        self.tokenizer = tiny_tokenizer(architecture)
        self.tokenizer.padding_side = side
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        self.attachment = Attachment(self.model)
        injector = KVKnowledge(KVKnowledgeConfig(train=TASK, **options), Context())
        self.knowledge = plug(self.attachment, "kb", injector, tiny_table())

    def batch(self):
        """One text with two entities, a longer one without."""
        found = [Mention(TEXTS[1].index(w), TEXTS[1].index(w) + 4, e) for w, e in WORDS]
        encoder = InputEncoder(self.tokenizer, 64)
        rows = [[self.knowledge.edit(Segment(TEXTS[1]), found)], [EditedSegment(TEXTS[3] * 2)]]
        collate = Collator(self.tokenizer, encoder.special.pad_id, [self.knowledge.rows])
        return collate(encoder.encode(rows)).inputs

    def logits(self, inputs):
        with torch.no_grad():
            return self.model(**inputs).logits


WORDS = [("Lyon", "E3"), ("capi", "E5")]


def without(inputs):
    return {name: tensor for name, tensor in inputs.items() if name != ENTITIES}


@pytest.mark.parametrize("architecture", HOSTS)
def test_rows_without_a_mention_are_bit_identical_and_detach_restores_the_others(architecture):
    rig = Rig(architecture)
    inputs, before = rig.batch(), fingerprint(rig.model)
    bare, changed = rig.logits(without(inputs)), rig.logits(inputs)
    assert torch.equal(changed[1], bare[1])
    assert not torch.allclose(changed[0], bare[0])
    assert rig.model.config._attn_implementation == "sdpa"
    rig.attachment.remove("kb")
    assert torch.equal(rig.logits(without(inputs)), bare)
    assert fingerprint(rig.model) == before


@pytest.mark.parametrize("architecture", LMS)
@pytest.mark.parametrize("implementation", ["sdpa", "eager"])
def test_both_ways_of_computing_attention_give_the_same(architecture, implementation):
    rig = Rig(architecture)
    inputs = rig.batch()
    expected = rig.logits(inputs)
    rig.model.set_attn_implementation(implementation)
    torch.testing.assert_close(rig.logits(inputs)[0], expected[0], atol=1e-5, rtol=1e-4)


def test_attention_is_one_softmax_over_tokens_and_entities():
    rig = Rig("gpt2-lm", first=1)
    inputs = {name: tensor[:1] for name, tensor in rig.batch().items()}
    length = int(inputs["attention_mask"].sum())
    inputs = {name: tensor[:, :length] for name, tensor in inputs.items()}
    attention, seen = rig.model.transformer.h[1].attn, []
    attention.c_attn.register_forward_hook(lambda _m, _a, out: seen.append(out))
    attention.c_proj.register_forward_pre_hook(lambda _m, args: seen.append(args[0]))
    rig.logits(inputs)
    query, key, value = (part.view(length, 2, 16) for part in seen[0][0].split(32, dim=1))
    maps, table = rig.knowledge.module["1"], rig.knowledge.table
    own = torch.from_numpy(table.vectors[[3, 5]]) / table.rms
    key = torch.cat([key, maps.key(own).view(2, 2, 16)])
    value = torch.cat([value, maps.value(own).view(2, 2, 16)])
    scores = torch.einsum("qhd,khd->hqk", query, key) / 16**0.5
    visible = torch.ones(length, length).tril()
    visible = torch.cat([visible, torch.ones(length, 2)], dim=1).bool()
    weights = scores.masked_fill(~visible, -torch.inf).softmax(-1)
    expected = torch.einsum("hqk,khd->qhd", weights, value).flatten(1)
    torch.testing.assert_close(seen[1][0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("architecture", LMS)
def test_every_step_of_generate_sees_the_entities(architecture):
    rig = Rig(architecture, side="left")
    inputs = rig.batch()
    codes = inputs.pop(ENTITIES)
    options = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, "eos_token_id": None}
    options |= {"output_logits": True, "return_dict_in_generate": True}
    bare = rig.model.generate(**inputs, **options)
    made = {}
    for cache in (True, False):
        with rig.attachment.knowledge(codes):
            made[cache] = rig.model.generate(**inputs, **options, use_cache=cache)
    for step, (cached, whole) in enumerate(zip(made[True].logits, made[False].logits, strict=True)):
        torch.testing.assert_close(cached, whole, atol=1e-4, rtol=1e-4)
        assert torch.equal(cached[1], bare.logits[step][1])
        assert not torch.allclose(cached[0], bare.logits[step][0])
    assert made[True].sequences.tolist() == made[False].sequences.tolist()


def test_beams_share_the_entities_of_their_prompt():
    rig = Rig("gpt2-lm", side="left")
    inputs = rig.batch()
    codes = inputs.pop(ENTITIES)
    options = {"max_new_tokens": 4, "num_beams": 3, "pad_token_id": 0}
    with rig.attachment.knowledge(codes):
        made = rig.model.generate(**inputs, **options)
    assert made[1].tolist() == rig.model.generate(**inputs, **options)[1].tolist()


def test_a_host_without_the_interface_is_refused_with_a_reason():
    with pytest.raises(KpError, match="KP719"):
        Rig("deberta-v2-classifier")


def test_training_moves_the_maps_and_never_the_host():
    rig = Rig("llama-lm")
    before = fingerprint(rig.model)
    rig.model(**rig.batch()).logits.square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in rig.knowledge.module.parameters())
    assert all(p.grad is None for p in rig.model.parameters())
    assert fingerprint(rig.model) == before


def test_a_row_runs_on_a_decoder(tmp_path):
    rows = [{"id": "frozen", "type": "none"}, {"id": "kv", "type": "kv-knowledge", "train": TASK}]
    spec = tiny_project(tmp_path, "gpt2-classifier", injections=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert all(row["plug_and_play"] for row in results["rows"])
    assert all(row["input_overhead"] == 0 for row in results["rows"])
