"""An injector's own objective on a linked corpus."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from kpframework.api import Anchor, Context, Corruption, Injector, Mention, Segment, TrainConfig
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import STRIDE
from kpframework.inject.encoding import Encoded
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.inject.special_tokens import SpecialTokens
from kpframework.testing.tiny import TEXTS, WIDTH, tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.checkpoint import Checkpoint
from kpframework.train.corpus import corpus_items, falsified, mask_tokens
from kpframework.train.loop import History
from kpframework.train.masked_logits import masked_lm_loss
from kpframework.train.session import Session

FALSE = Corruption(replace=0.05, drop=0.15)


def codes(rows=100, columns=100, entities=40):
    generator = torch.Generator().manual_seed(0)
    made = torch.randint(0, entities, (rows, columns), generator=generator)
    return torch.where(torch.rand(rows, columns, generator=generator) < 0.5, made, -1)


def test_marks_are_falsified_at_the_rates_asked_for():
    true = codes()
    given = falsified(true, FALSE, seed=3, step=7)
    marked = true >= 0
    assert torch.equal(given[~marked], true[~marked])
    before, after = true[marked], given[marked]
    dropped = float((after < 0).float().mean())
    replaced = float(((after >= 0) & (after != before)).float().mean())
    assert dropped == pytest.approx(0.15, abs=0.02)
    assert replaced == pytest.approx(0.05, abs=0.01)
    assert set(after[after >= 0].tolist()) <= set(before.tolist())


def test_what_is_falsified_is_a_function_of_seed_and_step():
    true = codes(10, 10)
    first = falsified(true, FALSE, 3, 7)
    assert torch.equal(first, falsified(true, FALSE, 3, 7))
    assert not torch.equal(first, falsified(true, FALSE, 3, 8))
    assert not torch.equal(first, falsified(true, FALSE, 4, 7))
    assert torch.equal(falsified(true, None, 3, 7), true)


def test_an_entity_alone_in_its_batch_is_not_replaced_and_its_plugin_is_kept():
    alone = torch.where(codes(10, 10) >= 0, 5 * STRIDE + 2, -1)
    assert torch.equal(falsified(alone, Corruption(replace=1), 0, 0), alone)


@pytest.mark.parametrize("shares", [(-0.1, 0.2), (0.6, 0.5)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(ValueError, match="shares"):
        Corruption(*shares)


def test_tokens_are_hidden_as_bert_hides_them():
    tokenizer = tiny_tokenizer("bert-masked-lm")
    special = SpecialTokens(tokenizer)
    word = tokenizer("patient", add_special_tokens=False)["input_ids"][0]
    item = Encoded([2, *[word] * 98, 3], [0] * 100, [], [], [-1, *range(98), -1], 0)
    hidden = list(mask_tokens([item] * 200, special, seed=0, epoch=1))
    again = list(mask_tokens([item] * 200, special, seed=0, epoch=1))
    assert hidden == again != list(mask_tokens([item] * 200, special, seed=0, epoch=2))
    assert all(len(h.targets) == 15 for h in hidden)
    assert all(h.input_ids[0] == 2 and h.input_ids[-1] == 3 for h in hidden)
    seen = np.array([h.input_ids[p] for h in hidden for p, own in h.targets if own == word])
    assert len(seen) == 200 * 15
    assert np.mean(seen == special.mask_id) == pytest.approx(0.8, abs=0.03)
    assert np.mean(seen == word) == pytest.approx(0.1, abs=0.03)


class AddsVectors(Injector):
    def edits(self, segment, mentions):
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def build(self, source, host):
        return torch.nn.Linear(source.dim, host.width)

    def patch(self, host, module):
        host.layer(0, lambda hidden, entities: entities.add(hidden, module))


def mention(text, word, entity):
    return Mention(text.index(word), text.index(word) + len(word), entity)


PASSAGES = [
    (Segment(TEXTS[1]), [mention(TEXTS[1], "Lyon", "E3"), mention(TEXTS[1], "France", "E5")]),
    (Segment(TEXTS[2]), [mention(TEXTS[2], "Paris", "E1")]),
    (Segment(TEXTS[0]), [mention(TEXTS[0], "fingers", "unknown")]),
]


tokenizer_of = cache(tiny_tokenizer)


def session(tmp_path, architecture="bert-masked-lm", side="right"):
    tokenizer = tokenizer_of(architecture)
    tokenizer.padding_side = side
    model = freeze(tiny_model(architecture, len(tokenizer)))
    attachment = Attachment(model)
    knowledge = plug(attachment, "knowledge", AddsVectors(None, Context()), tiny_table())
    made = Session(attachment, knowledge, tokenizer, Context(seed=1, scratch=tmp_path))
    made.passages = PASSAGES
    return made


CONFIG = TrainConfig(epochs=2, batch_size=2, lr=0.01, select="last")


@pytest.mark.parametrize("architecture", ["bert-masked-lm", "bert-classifier", "gpt2-lm"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_objective_sees_states_and_entities_and_the_host_stays_as_it_was(
    tmp_path, architecture, side
):
    own, seen = session(tmp_path, architecture, side), []
    head = torch.nn.Linear(WIDTH, 16)
    before = fingerprint(own.attachment.model), own.module.weight.detach().clone()
    first = head.weight.detach().clone()

    def loss(batch):
        seen.append(batch)
        e = batch.entities
        return (head(batch.hidden[e.rows, e.columns]) - e.vectors[e.inverse]).square().mean()

    own.corpus_objective(CONFIG, loss, heads=head)
    assert fingerprint(own.attachment.model) == before[0]
    assert not torch.equal(own.module.weight, before[1])
    assert not torch.equal(head.weight, first)
    assert all(p.grad is None for p in own.attachment.model.parameters())
    assert len(seen) == 2  # the passage without a usable mention is not read
    for batch in seen:
        assert sorted(batch.ids) == ["E1", "E3", "E5"]
        own_rows = [int(entity[1:]) for entity in batch.ids]
        expected = torch.from_numpy(own.knowledge.table.vectors[own_rows])
        assert torch.equal(batch.entities.vectors[batch.entities.inverse], expected)
        assert torch.equal(batch.given.rows, batch.entities.rows)
        assert batch.language_model is None


def test_the_same_seed_gives_the_same_bits(tmp_path):
    made = []
    for name in ("a", "b"):
        own = session(tmp_path / name)

        def loss(batch):
            return batch.language_model + batch.hidden.square().mean()

        own.corpus_objective(CONFIG, loss, masking="tokens", corruption=FALSE, dropout=0.2)
        made.append(own.module.weight.detach())
    assert torch.equal(*made)


def test_masked_mentions_give_the_loss_of_the_mention_masked_language_model(tmp_path):
    own, seen = session(tmp_path), []
    with torch.no_grad():
        own.module.weight.zero_()

    def loss(batch):
        seen.append(batch.language_model.detach())
        return batch.language_model

    config = TrainConfig(epochs=1, batch_size=8, lr=1e-9, select="last")
    own.corpus_objective(config, loss, masking="mentions")
    from kpframework.train.masked_lm import masked_items

    segments, mentions = zip(*PASSAGES, strict=True)
    items = masked_items(own.tokenizer, segments, mentions, own.knowledge, 64)
    assert len(items.items) == 4
    with torch.no_grad():
        torch.testing.assert_close(seen[0], masked_lm_loss(own.attachment.model, items.first(8)))


def test_dropped_marks_are_not_given_to_the_host_but_stay_in_the_truth(tmp_path):
    own, seen = session(tmp_path), []

    def loss(batch):
        seen.append(batch)
        return batch.hidden.mean() + own.module.weight.sum() * 0

    own.corpus_objective(CONFIG, loss, corruption=Corruption(drop=1))
    for batch in seen:
        assert len(batch.given.rows) == 0
        assert len(batch.entities.rows) == 3


def test_passages_can_be_chosen_and_none_left_is_an_error(tmp_path):
    own, seen = session(tmp_path), []

    def loss(batch):
        seen.append(sorted(batch.ids))
        return own.module.weight.sum()

    own.corpus_objective(CONFIG, loss, keep=lambda mentions: len(mentions) > 1)
    assert seen == [["E3", "E5"]] * 2
    with pytest.raises(KpError, match=r"KP741[\s\S]*none of the 2 items .* max_length=3"):
        own.corpus_objective(CONFIG, loss, max_length=3)
    with pytest.raises(KpError, match=r"KP741[\s\S]*1 of .* 3 passages .* 2 were not chosen"):
        own.corpus_objective(CONFIG, loss, keep=lambda mentions: False)
    counted = {"of": "passages", "read": 3, "without_entity": 1, "passed_over": 1, "items": 1}
    assert [vars(tally) for tally in own.tallies] == [{**counted, "too_long": 0}]


def test_a_second_training_of_a_fit_does_not_go_on_from_the_firsts_checkpoint(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(
        "kpframework.train.loop.Checkpoint",
        lambda module, folder, _every: Checkpoint(module, folder, 0),
    )
    own, steps = session(tmp_path), []
    for _ in range(2):
        own.corpus_objective(CONFIG, lambda b: steps.append(1) or own.module.weight.mean())
    assert len(steps) == 4
    assert [history.steps for history in own.histories] == [2, 2]


def test_seconds_of_interrupted_attempts_are_added_and_this_ones_counted_once(
    tmp_path, monkeypatch
):
    own = session(tmp_path)
    for spent, earlier in ((0.0, 0.0), (500.0, 500.0), (100.0, 600.0)):
        history = History(seconds=spent + 1, earlier_seconds=spent)
        monkeypatch.setattr(
            "kpframework.train.session.train_on_corpus", lambda *_, own=history, **__: own
        )
        own.corpus_objective(CONFIG, lambda b: b.hidden.mean())
        assert sum(h.earlier_seconds for h in own.histories) == pytest.approx(earlier, abs=50)


def test_training_the_host_is_refused_where_the_injector_does_not_declare_it(tmp_path):
    with pytest.raises(KpError, match="KP745"):
        session(tmp_path).corpus_objective(CONFIG, lambda b: b.hidden.mean(), train_host=True)


def test_trainings_that_the_injectors_declarations_do_not_set_up_are_refused(tmp_path):
    own = session(tmp_path)
    for asked in (lambda: own.task(CONFIG), own.adapt_host, lambda: own.mention_masked_lm(CONFIG)):
        with pytest.raises(KpError, match="KP745"):
            asked()


@pytest.mark.parametrize("masking", ["none", "mentions"])
def test_every_passage_is_counted_whatever_became_of_it(tmp_path, masking):
    own = session(tmp_path)
    length = min(len(own.tokenizer(segment.text)["input_ids"]) for segment, _ in PASSAGES[:2])
    data = corpus_items(own.tokenizer, PASSAGES, own.knowledge, length, masking, None)
    counted = data.tally
    assert (counted.read, counted.without_entity, counted.passed_over) == (3, 1, 0)
    assert counted.items == (2 if masking == "none" else 4)
    assert counted.kept == len(data.items) > 0
    assert counted.too_long > 0


def test_a_task_counts_the_examples_that_hold_no_entity(tmp_path):
    own = session(tmp_path)
    items = corpus_items(own.tokenizer, PASSAGES, own.knowledge, 64, "none", None)
    bare = items.bare().items
    both = replace(items, items=[*items.items, *bare], targets=[0, 1, 0, 1])
    own.task_data = (object(), both, both)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "kpframework.train.session.train_on_task",
            lambda *a, **_: seen.append(a[3]) or History(),
        )
        own.task(CONFIG)
    assert len(seen[0][0].items) == 2
    (counted,) = own.tallies
    assert (counted.of, counted.read, counted.without_entity, counted.kept) == ("examples", 4, 2, 2)
