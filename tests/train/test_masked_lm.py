from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

from kpframework.api import Context, Mention, Segment, TrainConfig
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.lm_head import fit_head, mask_randomly
from kpframework.train.masked_lm import mask_variants, masked_items, train_mention_masked_lm
from kpframework.train.masked_logits import masked_lm_loss

A, B, C = Mention(0, 1, "E1"), Mention(2, 3, "E2"), Mention(4, 5, "E3")


def rig():
    tokenizer = tiny_tokenizer("bert")
    model = freeze(tiny_model("bert-masked-lm", len(tokenizer)))
    attachment = Attachment(model)
    knowledge = plug(attachment, "kb", SlotInjector(None, Context()), tiny_table())
    return tokenizer, model, knowledge


def find(text: str, word: str, entity: str) -> Mention:
    return Mention(text.index(word), text.index(word) + len(word), entity)


def test_two_mentions_are_masked_in_the_three_published_variants():
    assert mask_variants([A, B]) == [(A, B), (A,), (B,)]


def test_one_mention_is_masked_once_and_many_are_masked_one_at_a_time():
    assert mask_variants([A]) == [(A,)]
    assert mask_variants([A, B, C]) == [(A,), (B,), (C,)]


def test_slots_stay_where_their_mention_is_masked():
    tokenizer, _, knowledge = rig()
    text = TEXTS[1]
    mentions = [find(text, "Paris", "E1"), find(text, "Lyon", "E2")]
    data = masked_items(tokenizer, [Segment(text)], [mentions], knowledge, 64)
    assert [len(item.entities) for item in data.items] == [2, 2, 2]
    both, first, second = (tokenizer.decode(item.input_ids) for item in data.items)
    assert "paris" not in both
    assert "lyon" not in both
    assert "lyon" in first
    assert "paris" not in first
    assert "paris" in second
    assert "lyon" not in second
    assert tokenizer.mask_token_id not in {i for item in data.items for _, i in item.targets}


def test_an_unlinked_mention_is_neither_masked_nor_given_a_slot():
    tokenizer, _, knowledge = rig()
    text = TEXTS[1]
    mentions = [find(text, "Paris", "E1"), find(text, "Lyon", "nowhere")]
    data = masked_items(tokenizer, [Segment(text)], [mentions], knowledge, 64)
    assert len(data.items) == 1
    assert "lyon" in tokenizer.decode(data.items[0].input_ids)


def test_an_item_that_does_not_fit_is_left_out_whole():
    tokenizer, _, knowledge = rig()
    mentions = [find(TEXTS[1], "Paris", "E1")]
    data = masked_items(tokenizer, [Segment(TEXTS[1])], [mentions], knowledge, 12)
    assert data.items == []
    assert (data.tally.read, data.tally.items, data.tally.too_long, data.tally.kept) == (1, 1, 1, 0)


def test_loss_on_masked_positions_alone_equals_the_published_loss_and_gradient():
    tokenizer, model, knowledge = rig()
    text = TEXTS[1]
    mentions = [find(text, "Paris", "E1"), find(text, "Lyon", "E2")]
    data = masked_items(tokenizer, [Segment(text)], [mentions], knowledge, 64)
    batch = data.batch([0, 1, 2])
    knowledge.module.requires_grad_(True)
    ours = masked_lm_loss(model, batch)
    (gradient,) = torch.autograd.grad(ours, knowledge.module.weight)
    rows, columns, tokens = batch.targets
    labels = torch.full_like(batch.inputs["input_ids"], -100)
    labels[rows, columns] = tokens
    logits = model(**batch.inputs).logits
    published = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    (expected,) = torch.autograd.grad(published, knowledge.module.weight)
    torch.testing.assert_close(ours, published)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-7)


def test_general_map_tuning_lowers_its_loss_and_leaves_the_host(tmp_path):
    tokenizer, model, knowledge = rig()
    before = fingerprint(model)
    segments = [Segment(text) for text in TEXTS[1:3]]
    mentions = [[find(TEXTS[1], "Lyon", "E1")], [find(TEXTS[2], "Paris", "E2")]]
    data = masked_items(tokenizer, segments, mentions, knowledge, 64)
    knowledge.module.requires_grad_(True)
    history = train_mention_masked_lm(
        model,
        knowledge.module,
        data,
        TrainConfig(epochs=15, lr=0.05, select="last"),
        Context(scratch=tmp_path),
        "fp32",
    )
    assert history.loss[-1] < history.loss[0]
    assert fingerprint(model) == before


def test_a_fitted_head_leaves_the_encoder_and_beats_the_commonest_token(tmp_path):
    tokenizer = tiny_tokenizer("bert")
    model = tiny_model("bert-masked-lm", len(tokenizer))
    encoder = fingerprint(model.base_model)
    config = TrainConfig(epochs=20, batch_size=16, lr=0.02, select="last")
    history, quality = fit_head(model, tokenizer, TEXTS * 60, config, Context(scratch=tmp_path))
    assert fingerprint(model.base_model) == encoder
    assert history.loss[-1] < history.loss[0]
    assert quality["accuracy"] > quality["unigram_accuracy"]


@pytest.mark.parametrize("texts", [[], ["", " "], TEXTS[:1]])
def test_a_head_is_not_fitted_to_next_to_nothing(tmp_path, texts):
    tokenizer = tiny_tokenizer("bert")
    model = tiny_model("bert-masked-lm", len(tokenizer))
    with pytest.raises(KpError, match="KP744"):
        fit_head(model, tokenizer, texts, TrainConfig(epochs=1), Context(scratch=tmp_path))


def test_random_masking_is_a_function_of_seed_and_epoch():
    from kpframework.inject.encoding import EditedSegment, InputEncoder

    tokenizer = tiny_tokenizer("bert")
    items = InputEncoder(tokenizer, 64).encode([[EditedSegment(text)] for text in TEXTS])
    once, again = (list(mask_randomly(items, tokenizer.mask_token_id, 0, 3)) for _ in "ab")
    other = list(mask_randomly(items, tokenizer.mask_token_id, 0, 4))
    assert once == again
    assert once != other
    assert all(item.targets for item in once)
