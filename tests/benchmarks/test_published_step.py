"""What ours is measured against does what the published step did, and ours does the same."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch

from kpframework.api import Context, Mention, Segment
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.masked_lm import masked_items
from kpframework.train.masked_logits import masked_lm_loss, narrowable_blocks

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "published_step.py"


@pytest.fixture
def rig():
    spec = importlib.util.spec_from_file_location("published_step", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tokenizer, table = tiny_tokenizer("bert"), tiny_table()
    host = freeze(tiny_model("bert-masked-lm", len(tokenizer)))
    knowledge = plug(Attachment(host), "kb", SlotInjector(None, Context()), table)
    starts = [TEXTS[1].index(word) for word in ("Paris", "Lyon")]
    mentions = [Mention(s, s + 4, f"E{i}") for i, s in enumerate(starts)]
    data = masked_items(tokenizer, [Segment(TEXTS[1])], [mentions], knowledge, 64)
    bare = freeze(tiny_model("bert-masked-lm", len(tokenizer)))
    published = module.PublishedStep(
        bare, knowledge.module, table, list(table.ids), length=64, pad_id=0, dropout=0.0
    )
    return host, knowledge.module.requires_grad_(True), data, published


def test_ours_has_the_published_gradient(rig):
    host, mapper, data, published = rig
    batch = data.batch(range(3))
    loss = masked_lm_loss(host, batch, narrowable_blocks(host, batch))
    loss.backward()
    assert published.backward(data.items) == pytest.approx(loss.item(), rel=1e-5)
    for ours, theirs in zip(mapper.parameters(), published.mapper.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-6)


def test_the_published_step_piles_up_host_gradients_and_moves_the_mapper_alone(rig):
    *_, data, published = rig
    weight = published.host.bert.encoder.layer[0].attention.self.query.weight
    host, mapper = weight.detach().clone(), published.mapper.weight.detach().clone()
    published.step(data.items)
    once = weight.grad.clone()
    published.step(data.items)
    assert weight.grad.norm() > 1.5 * once.norm()
    assert torch.equal(weight, host)
    assert not torch.equal(published.mapper.weight, mapper)
