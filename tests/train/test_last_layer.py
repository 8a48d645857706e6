"""The last layer computed only where it is read gives what the whole one gives."""

from __future__ import annotations

import pytest
import torch
import transformers

from kpframework.inject.batch import Batch
from kpframework.inject.freezing import freeze
from kpframework.train.last_layer import ReadOut, read_out
from kpframework.train.masked_logits import masked_lm_loss, masked_logits, narrowable_blocks

SIZE = {"hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "vocab_size": 90}
ENCODER = {**SIZE, "intermediate_size": 64, "max_position_embeddings": 64}
ENDS = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
DISTIL = {"dim": 32, "n_layers": 3, "n_heads": 2, "hidden_dim": 64, "vocab_size": 90}
HOSTS = {
    "Bert": (ENCODER, 3),
    "Roberta": ({**ENCODER, **ENDS}, 3),
    "DistilBert": (DISTIL, 3),
    "DebertaV2": ({**ENCODER, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}, 3),
    "ModernBert": ({**ENCODER, **ENDS, "cls_token_id": 1, "sep_token_id": 2}, 2),
}
"""Options, and how many blocks can be narrowed: feed-forward, attention's output and its queries
(where these have a map of their own)."""


def build(name: str, options: dict, seed: int = 0):
    torch.manual_seed(seed)
    config = getattr(transformers, f"{name}Config")(**options)
    model = getattr(transformers, f"{name}ForMaskedLM")(config)
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)  # so that every part matters
    return freeze(model)


def batch() -> Batch:
    ids = torch.randint(5, 90, (4, 20), generator=torch.Generator().manual_seed(0))
    mask = torch.ones_like(ids)
    mask[1, 15:] = 0
    targets = (torch.tensor([0, 0, 1, 3]), torch.tensor([2, 7, 4, 19]), torch.tensor([5, 6, 7, 8]))
    return Batch({"input_ids": ids, "attention_mask": mask}, targets)


def gradient(model, given: Batch, blocks) -> torch.Tensor:
    embedding = model.get_input_embeddings()
    moved = torch.zeros(4, 20, embedding.weight.shape[1], requires_grad=True)
    handle = embedding.register_forward_hook(lambda _m, _a, output: output + moved)
    try:
        masked_lm_loss(model, given, blocks).backward()
    finally:
        handle.remove()
    assert moved.grad is not None
    return moved.grad


@pytest.mark.parametrize("name", HOSTS)
def test_a_narrowed_host_gives_the_logits_and_gradients_of_the_whole(name):
    options, count = HOSTS[name]
    model, given = build(name, options), batch()
    blocks = narrowable_blocks(model, given)
    assert len(blocks) == count
    with torch.no_grad():
        whole, narrowed = masked_logits(model, given)[0], masked_logits(model, given, blocks)[0]
    torch.testing.assert_close(narrowed, whole, rtol=1e-4, atol=1e-4)
    expected = gradient(model, given, [])
    torch.testing.assert_close(gradient(model, given, blocks), expected, rtol=1e-3, atol=1e-6)


def test_a_host_whose_layers_are_one_layer_stays_whole():
    model = build("Albert", {**ENCODER, "embedding_size": 16})
    assert narrowable_blocks(model, batch()) == []


def test_a_map_of_the_feed_forward_shape_that_mixes_positions_is_left_alone():
    wide = {**HOSTS["ModernBert"][0], "intermediate_size": 96}  # queries, keys, values: 32 to 96
    blocks = narrowable_blocks(build("ModernBert", wide), batch())
    assert [(block.last.in_features, block.last.out_features) for block in blocks] == [(32, 32)]


def test_trying_leaves_no_hook_and_no_mode_behind():
    model = build("Bert", ENCODER).train()
    narrowable_blocks(model, batch())
    assert all(m.training and not m._forward_hooks for m in model.modules())
    assert not any(m._forward_pre_hooks for m in model.modules())


def test_fewer_positions_are_computed():
    model, given = build("Bert", ENCODER), batch()
    blocks = narrowable_blocks(model, given)
    seen = []
    inner = model.bert.encoder.layer[-1].intermediate.dense
    inner.register_forward_hook(lambda _m, _a, output: seen.append(tuple(output.shape)))
    masked_logits(model, given, blocks)
    masked_logits(model, given)
    assert seen == [(4, 64), (4, 20, 64)]


def classifier(name: str, options: dict):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**options, num_labels=3)
    model = getattr(transformers, f"{name}ForSequenceClassification")(config)
    model.config.pad_token_id = 0
    for parameter in model.parameters():
        if parameter.dim() == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return freeze(model)


LLAMA = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 90}


@pytest.mark.parametrize(
    ("name", "options", "least"),
    [
        ("Bert", ENCODER, 3),
        ("Roberta", {**ENCODER, **ENDS}, 3),
        ("DistilBert", DISTIL, 3),
        ("Llama", {**LLAMA, "intermediate_size": 64, "pad_token_id": 0}, 2),
    ],
)
def test_a_classifier_computes_its_last_layer_where_its_head_reads_it(name, options, least):
    model = classifier(name, options)
    given = batch()
    given.inputs["input_ids"][given.inputs["attention_mask"] == 0] = 0
    narrowed = read_out(model, given)
    assert len(narrowed.blocks) >= least
    whole = ReadOut(model)(given)
    torch.testing.assert_close(narrowed(given), whole, rtol=1e-5, atol=1e-5)
    found = []
    for way in (ReadOut(model), narrowed):
        moved = torch.zeros(4, 20, 32, requires_grad=True)
        hook = model.get_input_embeddings().register_forward_hook(
            lambda _m, _a, output, moved=moved: output + moved
        )
        way(given).square().sum().backward()
        hook.remove()
        found.append(moved.grad)
    error = torch.linalg.vector_norm(found[0] - found[1])
    assert error <= 1e-5 * torch.linalg.vector_norm(found[0])


def test_a_classifier_that_reads_every_position_is_left_whole():
    class Mean(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = classifier("Bert", ENCODER).bert

        def forward(self, **inputs):
            hidden = self.encoder(**inputs).last_hidden_state
            return transformers.modeling_outputs.SequenceClassifierOutput(logits=hidden.mean(1))

    assert not read_out(Mean(), batch()).blocks
