"""Training on a task computes no more of the host than is read, and gives the same."""

from __future__ import annotations

import numpy as np
import torch

from kpframework.api import Anchor, Context, Injector, Mention, Segment, TrainConfig
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.data import EncodedSet
from kpframework.train.session import train_on_task

TEXTS = ["Lyon lies on the Rhone", "the weather was fine", "we went to Lyon", "Lyon"]


class AnswersByEntity(Injector):
    """An affine map of the entity vector, added to the host's logits."""

    def edits(self, segment, mentions):
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    dropout = 0.0

    def build(self, source, host):
        linear = torch.nn.Linear(source.dim, host.outputs)
        return torch.nn.Sequential(torch.nn.Dropout(self.dropout), linear)

    def patch(self, host, module):
        def add(logits, entities):
            mapped = module(entities.vectors)[entities.inverse]
            return logits.index_add(0, entities.rows, mapped)

        host.logits(add)


class Accuracy:
    metrics = ("accuracy",)
    reads = "head"

    def loss(self, logits, targets):
        return torch.nn.functional.cross_entropy(logits, torch.tensor(targets))

    def calibrate(self, logits, targets):
        return {}

    def decide(self, logits, calibration):
        return logits.argmax(1).tolist()

    def statistics(self, decisions, targets):
        return np.array([[d == t] for d, t in zip(decisions, targets, strict=True)], dtype=float)

    def score(self, sums):
        return {"accuracy": sums[..., 0]}


def train(tmp_path, tokenizer, whole: bool):
    model = freeze(tiny_model("bert-classifier", len(tokenizer)))
    attachment = Attachment(model)
    knowledge = plug(attachment, "kb", AnswersByEntity(None, Context()), tiny_table())
    found = [
        [Mention(t.index("Lyon"), t.index("Lyon") + 4, "E3")] if "Lyon" in t else [] for t in TEXTS
    ]
    encoder = InputEncoder(tokenizer, 32)
    items = encoder.encode(
        [[knowledge.edit(Segment(text), own)] for text, own in zip(TEXTS, found, strict=True)]
    )
    data = EncodedSet(
        items, [0, 1, 0, 1], Collator(tokenizer, encoder.special.pad_id, [knowledge.table.rows])
    )
    calls = []
    model.register_forward_hook(lambda *_: calls.append(1))
    history = train_on_task(
        model,
        knowledge.module,
        Accuracy(),
        (data, data),
        TrainConfig(epochs=5, lr=0.01, batch_size=2),
        Context(scratch=tmp_path / f"whole-{whole}"),
        label="test",
        attachment=None if whole else attachment,
    )
    assert not knowledge.module.training
    return history, knowledge.module[1].weight.detach(), len(calls)


def test_dropout_of_the_knowledge_plugin_itself_acts_in_training_and_in_nothing_else(
    tmp_path, monkeypatch
):
    tokenizer = tiny_tokenizer("bert-classifier")
    _, without, _ = train(tmp_path / "without", tokenizer, whole=True)
    monkeypatch.setattr(AnswersByEntity, "dropout", 0.5)
    _, weight, _ = train(tmp_path / "with", tokenizer, whole=True)
    assert not torch.allclose(weight, without)
    _, again, _ = train(tmp_path / "again", tokenizer, whole=True)
    assert torch.equal(weight, again)


def test_a_host_that_nothing_enters_is_asked_once(tmp_path):
    tokenizer = tiny_tokenizer("bert-classifier")
    whole, expected, many = train(tmp_path, tokenizer, whole=True)
    known, weight, few = train(tmp_path, tokenizer, whole=False)
    assert few == 2
    assert many > 10
    np.testing.assert_allclose(known.loss, whole.loss, rtol=1e-6)
    torch.testing.assert_close(weight, expected, rtol=1e-5, atol=1e-7)
