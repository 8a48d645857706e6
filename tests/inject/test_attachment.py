"""What plugging in promises of the host, on every architecture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kpframework.api import Context, Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import ENTITIES, Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import ARCHITECTURES, TEXTS, tiny_model, tiny_table, tiny_tokenizer

LMS = [name for name in ARCHITECTURES if name.endswith("-lm") and "masked" not in name]


class Rig:
    """A host with one knowledge plugin, and a batch: one row linked, one not."""

    def __init__(self, architecture: str) -> None:
        self.tokenizer = tiny_tokenizer(architecture)
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        self.attachment = Attachment(self.model)
        self.encoder = InputEncoder(self.tokenizer, 64)

    def plug(self, name: str = "kb", seed: int = 0):
        table = tiny_table(seed=seed)
        return plug(self.attachment, name, SlotInjector(None, Context()), table, seed=seed)

    def batch(self, rows):
        tables = [k.table.rows for k in self.attachment.members.values()]
        collate = Collator(self.tokenizer, self.encoder.special.pad_id, tables)
        return collate(self.encoder.encode([[row] for row in rows])).inputs

    def logits(self, inputs):
        with torch.no_grad():
            return self.model(**inputs).logits


def mention(text: str, word: str, entity: str = "E3") -> Mention:
    start = text.index(word)
    return Mention(start, start + len(word), entity)


def linked(knowledge, text: str, word: str, entity: str = "E3", source: int = 0) -> EditedSegment:
    return knowledge.edit(Segment(text), [mention(text, word, entity)], source)


def without(inputs):
    return {name: tensor for name, tensor in inputs.items() if name != ENTITIES}


@pytest.fixture(params=ARCHITECTURES)
def rig(request) -> Rig:
    return Rig(request.param)


def test_rows_without_a_mention_are_bit_identical_beside_a_linked_row(rig):
    knowledge = rig.plug()
    inputs = rig.batch([linked(knowledge, TEXTS[1], "Lyon"), EditedSegment(TEXTS[2])])
    with_plugin = rig.logits(inputs)
    bare = rig.logits(without(inputs))
    assert torch.equal(with_plugin[1], bare[1])
    assert not torch.equal(with_plugin[0], bare[0])


def test_a_text_without_mentions_gives_the_bare_hosts_bits(rig):
    plain = rig.tokenizer(TEXTS[1], return_tensors="pt")
    bare = rig.logits(plain)
    rig.plug()
    inputs = rig.batch([EditedSegment(TEXTS[1])])
    assert inputs["input_ids"].tolist() == plain["input_ids"].tolist()
    assert torch.equal(rig.logits(inputs), bare)


def test_detach_restores_every_bit_and_leaves_no_hook(rig):
    plain = rig.tokenizer(TEXTS[0], return_tensors="pt")
    bare, before = rig.logits(plain), fingerprint(rig.model)
    knowledge = rig.plug()
    rig.logits(rig.batch([linked(knowledge, TEXTS[1], "Lyon")]))
    rig.attachment.remove("kb")
    assert torch.equal(rig.logits(plain), bare)
    assert fingerprint(rig.model) == before
    hooks = [m for m in rig.model.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert hooks == []


class Clumsy(SlotInjector):
    """Fails in the middle of its work."""

    def patch(self, handle, module):
        super().patch(handle, module)
        raise KpError("KP719", "no such layer", "take another host")


def test_an_injector_that_cannot_patch_leaves_nothing_on_the_host():
    rig = Rig("bert-classifier")
    table = tiny_table(seed=0)
    with pytest.raises(KpError, match="KP719"):
        plug(rig.attachment, "kb", Clumsy(None, Context()), table, seed=0)
    assert [m for m in rig.model.modules() if m._forward_hooks or m._forward_pre_hooks] == []
    knowledge = rig.plug()
    tables = [table.rows, knowledge.table.rows]  # the first name has been given out
    collate = Collator(rig.tokenizer, rig.encoder.special.pad_id, tables)
    row = linked(knowledge, TEXTS[1], "Lyon", source=1)
    linked_inputs = collate(rig.encoder.encode([[row]])).inputs
    with_plugin = rig.logits(linked_inputs)
    assert not torch.equal(with_plugin, rig.logits(without(linked_inputs)))
    clumsy = replace(knowledge, injector=Clumsy(None, Context()))
    with pytest.raises(KpError, match="KP719"):
        rig.attachment.replace("kb", clumsy)
    assert rig.attachment.members["kb"] is knowledge
    assert torch.equal(rig.logits(linked_inputs), with_plugin)


def test_training_moves_the_module_and_never_the_host(rig):
    knowledge = rig.plug()
    before = fingerprint(rig.model)
    knowledge.module.requires_grad_(True)
    inputs = rig.batch([linked(knowledge, TEXTS[1], "Lyon")])
    rig.model(**inputs).logits.float().square().sum().backward()
    assert all(p.grad is None for p in rig.model.parameters())
    assert any(p.grad is not None and bool(p.grad.any()) for p in knowledge.module.parameters())
    assert fingerprint(rig.model) == before


def test_two_plugins_chosen_by_row_equal_each_alone(rig):
    first, second = rig.plug("a", seed=1), rig.plug("b", seed=2)
    rows = [
        linked(first, TEXTS[1], "Lyon", source=0),
        linked(second, TEXTS[1], "Lyon", source=1),
        EditedSegment(TEXTS[1]),
    ]
    mixed = rig.batch(rows)
    together = rig.logits(mixed)
    for row in (0, 1):
        alone = rig.logits(rig.batch([rows[row]]))
        ours = together[row, : alone.shape[1]] if alone.dim() == 3 else together[row]
        torch.testing.assert_close(ours, alone[0], atol=1e-6, rtol=0)
    assert torch.equal(together[2], rig.logits(without(mixed))[2])


def test_a_taken_name_is_refused(rig):
    rig.plug()
    with pytest.raises(KpError, match="KP711"):
        rig.plug()


def test_calling_with_embeddings_instead_of_ids_is_refused(rig):
    knowledge = rig.plug()
    inputs = rig.batch([linked(knowledge, TEXTS[1], "Lyon")])
    ids = inputs.pop("input_ids")
    embedded = rig.model.get_input_embeddings().weight[ids]
    with pytest.raises(KpError, match="KP712"):
        rig.model(inputs_embeds=embedded, **inputs)


@pytest.mark.parametrize("architecture", LMS)
@pytest.mark.parametrize("options", [{}, {"num_beams": 3}, {"use_cache": False}])
def test_generate_injects_at_the_prompt_and_only_there(architecture, options):
    rig = Rig(architecture)
    knowledge = rig.plug()
    rig.tokenizer.padding_side = "left"
    rows = [linked(knowledge, TEXTS[1], "Lyon"), EditedSegment(TEXTS[2])]
    inputs = rig.batch(rows)
    codes = inputs.pop(ENTITIES)
    plain = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0, **options}
    with rig.attachment.knowledge(codes):
        with_plugin = rig.model.generate(**inputs, **plain)
    bare = rig.model.generate(**inputs, **plain)
    assert with_plugin[1].tolist() == bare[1].tolist()
    step = inputs["input_ids"].shape[1]
    with rig.attachment.knowledge(codes):
        scores = rig.model.generate(
            **inputs, **plain, output_logits=True, return_dict_in_generate=True
        )
    first = scores.logits[0].view(2, -1, scores.logits[0].shape[-1])[:, 0]
    positions = (inputs["attention_mask"].cumsum(1) - 1).clamp(min=0)
    expected = rig.logits({**inputs, ENTITIES: codes, "position_ids": positions})[:, -1]
    torch.testing.assert_close(first, expected, atol=1e-5, rtol=1e-5)
    assert with_plugin.shape[1] > step


@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-lm"])
def test_attaching_works_under_peft_lora(architecture):
    peft = pytest.importorskip("peft")
    rig = Rig(architecture)
    targets = ["query", "key"] if "bert" in architecture else ["c_attn"]
    lora = peft.LoraConfig(r=2, target_modules=targets, init_lora_weights=False)
    rig.model = freeze(peft.get_peft_model(rig.model, lora))
    rig.attachment = Attachment(rig.model)
    plain = rig.tokenizer(TEXTS[0], return_tensors="pt")
    bare = rig.logits(plain)
    knowledge = rig.plug()
    inputs = rig.batch([linked(knowledge, TEXTS[1], "Lyon"), EditedSegment(TEXTS[2])])
    with_plugin = rig.logits(inputs)
    assert torch.equal(with_plugin[1], rig.logits(without(inputs))[1])
    assert not torch.equal(with_plugin[0], rig.logits(without(inputs))[0])
    rig.attachment.remove("kb")
    assert torch.equal(rig.logits(plain), bare)


def test_each_entity_is_read_and_mapped_once_in_a_batch():
    rig = Rig("bert-classifier")
    knowledge = rig.plug()
    read, mapped = [], []
    gather = knowledge.table.gather
    knowledge.table.gather = lambda rows: read.append(len(rows)) or gather(rows)
    knowledge.module.register_forward_hook(lambda _m, args, _o: mapped.append(len(args[0])))
    rows = [linked(knowledge, TEXTS[1], word, e) for word, e in [("Lyon", "E1"), ("Paris", "E1")]]
    rig.logits(rig.batch([*rows, linked(knowledge, TEXTS[2], "Paris", "E2")]))
    assert read == [2]
    assert mapped == [2]


def test_mentions_outside_the_knowledge_base_change_nothing():
    rig = Rig("bert-classifier")
    knowledge = rig.plug()
    edited = linked(knowledge, TEXTS[1], "Lyon", entity="unknown")
    assert edited == EditedSegment(TEXTS[1])


def test_vectors_at_the_slots_are_the_mapped_ones():
    rig = Rig("bert-classifier")
    knowledge = rig.plug()
    inputs = rig.batch([linked(knowledge, TEXTS[1], "Lyon", "E7")])
    seen = []
    embedding = rig.model.get_input_embeddings()
    embedding.register_forward_hook(lambda _m, _a, output: seen.append(output))
    rig.logits(inputs)
    row, column = (inputs[ENTITIES] >= 0).nonzero()[0].tolist()
    expected = knowledge.module(torch.from_numpy(np.atleast_2d(knowledge.table.vectors[7])))
    assert torch.equal(seen[0][row, column], expected[0])
