"""Defects (docs/explanation/defects.md) in what is trained, kept and loaded."""

from __future__ import annotations

import pytest
import torch
from kp_plugin_peft.config import LoRAConfig
from kp_plugin_peft.lora import LoRA

from kpframework.api import Context, Segment, TrainConfig
from kpframework.errors import KpError
from kpframework.inject.freezing import fingerprint
from kpframework.testing.tiny import tiny_model, tiny_tokenizer
from kpframework.train.hosts import load_checkpoint
from kpframework.train.masked_lm import masked_items, train_mention_masked_lm

TEXT = "Paris is the capital of France / and Lyon is not."
BATCH = {"input_ids": torch.tensor([[5, 6, 7, 8]])}


def map_tuned(rig, folder):
    """Train the plugin's module for two epochs on its frozen host."""
    mentions = [[rig.mention(TEXT, "Lyon", "E1"), rig.mention(TEXT, "Paris", "E2")]]
    data = masked_items(rig.tokenizer, [Segment(TEXT)], mentions, rig.knowledge, 64)
    config = TrainConfig(epochs=2, lr=0.05, batch_size=2, select="last")
    module = rig.knowledge.module.requires_grad_(True)
    return train_mention_masked_lm(rig.model, module, data, config, Context(scratch=folder), "fp32")


def test_d05_frozen_parameters_require_no_gradient_and_keep_their_method(make_rig):
    model = make_rig().model
    assert not any(parameter.requires_grad for parameter in model.parameters())
    assert all(callable(parameter.requires_grad_) for parameter in model.parameters())
    assert model(**BATCH).logits.grad_fn is None, "no graph is kept for the host"


def test_d05_a_host_that_moved_is_noticed(make_rig):
    model = make_rig().model
    before = fingerprint(model)
    with torch.no_grad():
        next(model.parameters()).view(-1)[0].add_(1e-6)
    assert fingerprint(model) != before


def test_d06_no_gradient_is_computed_or_gathered_for_the_host(make_rig, tmp_path):
    rig = make_rig("bert-masked-lm")
    before = fingerprint(rig.model)
    module = [p.detach().clone() for p in rig.knowledge.module.parameters()]
    seen = []

    def look(parameter):
        seen.append(parameter)

    for parameter in rig.model.parameters():
        if parameter.requires_grad:
            parameter.register_post_accumulate_grad_hook(look)
    map_tuned(rig, tmp_path)
    assert seen == []
    assert all(parameter.grad is None for parameter in rig.model.parameters())
    assert fingerprint(rig.model) == before
    after = list(rig.knowledge.module.parameters())
    assert not any(torch.equal(a, b) for a, b in zip(after, module, strict=True))


def lora(model):
    return LoRA(LoRAConfig(rank=4, targets=["query", "key", "value", "ffn-up"]), Context()).prepare(
        model
    )


@pytest.mark.parametrize("architecture", ["bert-classifier", "gpt2-classifier"])
def test_d09_lora_keeps_weights_and_biases_of_the_maps_it_updates(architecture):
    model = tiny_model(architecture, 40)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "bias" in name:
                parameter.normal_()
        own = {n: p.detach().clone() for n, p in model.named_parameters()}
        bare = model(**BATCH).logits
        adapted = lora(model).eval()
        assert torch.equal(adapted(**BATCH).logits, bare)
    inner = dict(adapted.get_base_model().named_parameters())
    wrapped = [n for n in inner if ".base_layer." in n]
    assert any(n.endswith("bias") for n in wrapped)
    for name in wrapped:
        assert torch.equal(inner[name], own[name.replace(".base_layer", "")])
        assert not inner[name].requires_grad


def test_d10_switching_between_modes_moves_no_weight_and_no_answer_of_a_lora_host():
    adapted = lora(tiny_model("bert-classifier", 40)).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.normal_()
        before, answer = fingerprint(adapted), adapted(**BATCH).logits
        adapted.train()
        adapted.eval()
        for module in adapted.modules():
            module.eval()
            module.train()
            module.eval()
        assert fingerprint(adapted) == before
        assert torch.equal(adapted(**BATCH).logits, answer)


@pytest.fixture
def checkpoint(tmp_path):
    tokenizer = tiny_tokenizer("bert-classifier")
    tiny_model("bert-classifier", len(tokenizer), labels=2).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_d15_a_checkpoint_that_does_not_load_ends_the_run(checkpoint):
    assert load_checkpoint(checkpoint, "sequence-classification", ["a", "b"]) is not None
    weights = checkpoint / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises((KpError, OSError, ValueError)) as caught:
        load_checkpoint(checkpoint, "sequence-classification", ["a", "b"])
    assert getattr(caught.value, "code", "") == "KP731"


def test_d15_an_untrained_head_is_never_scored(checkpoint):
    tiny_model("bert-classifier", 60).base_model.save_pretrained(checkpoint)
    with pytest.raises(KpError) as caught:
        load_checkpoint(checkpoint, "sequence-classification", ["a", "b", "c"])
    assert caught.value.code == "KP732"
    assert "would be random" in str(caught.value)


def test_d17_a_pickled_checkpoint_is_not_read(checkpoint):
    labels = ["a", "b"]
    state = load_checkpoint(checkpoint, "sequence-classification", labels).state_dict()
    (checkpoint / "model.safetensors").unlink()
    torch.save(state, checkpoint / "pytorch_model.bin")
    with pytest.raises(KpError) as caught:
        load_checkpoint(checkpoint, "sequence-classification", labels)
    assert caught.value.code == "KP731"


@pytest.mark.parametrize(("source", "width"), [(128, 768), (228, 768), (100, 1024)])
def test_d17_a_mapper_of_any_size_is_saved_and_loaded_to_the_same_bits(tmp_path, source, width):
    from kpframework.inject.plug import load_state, save_module

    mapper = torch.nn.Linear(source, width)
    save_module(mapper, tmp_path)
    again = torch.nn.Linear(source, width)
    again.load_state_dict(load_state(tmp_path))
    assert torch.equal(again.weight, mapper.weight)
    assert torch.equal(again.bias, mapper.bias)
