"""The last layer computed only where it is read gives what the whole one gives."""

from __future__ import annotations

import pytest
import torch
import transformers

from kpframework.inject.batch import Batch
from kpframework.inject.freezing import freeze
from kpframework.train.masked_lm import masked_lm_loss, masked_logits, narrowable_blocks

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
