"""Examples of several inputs: they stay together, and texts are tokenised and scored in bulk."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from kpframework.api import (
    Anchor,
    Context,
    Example,
    Injector,
    Mention,
    Segment,
    TrainConfig,
    marker_edits,
)
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.tiny import TEXTS, tiny_model, tiny_table, tiny_tokenizer
from kpframework.train.data import encode_examples, predict
from kpframework.train.session import train_on_task

ARCHITECTURES = ["bert", "roberta", "distilbert", "deberta-v2", "gpt2", "llama"]


class Anchored(Injector):
    """Marks each mention's first token and changes nothing."""

    def edits(self, segment, mentions):
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def build(self, source, host):
        return torch.nn.Linear(source.dim, host.width)

    def patch(self, host, module):
        return None


class Pairs:
    """A task as far as training and `predict` know it."""

    reads = "head"
    metrics = ("accuracy",)

    def loss(self, logits, targets):
        gold = torch.tensor([0 if target == 0 else logits.shape[1] - 1 for target in targets])
        return torch.nn.functional.cross_entropy(logits.squeeze(2), gold)


class CountingTokenizer:
    """Counts the texts that a tokenizer is given."""

    def __init__(self, tokenizer):
        self._tokenizer = tokenizer
        self.texts = []

    def __call__(self, *arguments, **options):
        if isinstance(arguments[0], list):
            self.texts += arguments[0]
        return self._tokenizer(*arguments, **options)

    def __getattr__(self, name):
        return getattr(self._tokenizer, name)


def marked(text, head, tail):
    """Return a text with head and tail between their markers."""
    mentions = [
        Mention(text.index(word), text.index(word) + len(word), f"E{i}", role=role)
        for i, (word, role) in enumerate([(head, "head"), (tail, "tail")])
    ]
    edits = marker_edits(mentions[0], "#") + marker_edits(mentions[1], "$")
    return Segment(text, tuple(mentions), edits)


def episode(queries=4, supports=3):
    """Return queries of one episode, each paired with all supports."""
    shared = tuple(Segment(TEXTS[i % len(TEXTS)] + " x" * i) for i in range(supports))
    pairs = tuple((0, i) for i in range(1, supports + 1))
    return [
        Example(f"q{i}", (Segment(f"{TEXTS[0]} {'y ' * i}"), *shared), i % 2, inputs=pairs)
        for i in range(queries)
    ]


@pytest.fixture
def tokenizer():
    return tiny_tokenizer("bert")


@pytest.fixture
def data(tokenizer):
    return encode_examples(tokenizer, 128, episode())


def test_a_batch_holds_every_input_of_its_examples_one_after_the_other(tokenizer, data):
    batch = data.batch([2, 0])
    assert batch.inputs["input_ids"].shape[0] == 2 * 3
    expected = [
        tokenizer(example.segments[0].text, example.segments[support].text)["input_ids"]
        for example in (episode()[2], episode()[0])
        for support in (1, 2, 3)
    ]
    rows = zip(batch.inputs["input_ids"], batch.inputs["attention_mask"], strict=True)
    assert [ids[mask.bool()].tolist() for ids, mask in rows] == expected


def test_outputs_are_grouped_by_example_and_those_of_one_input_stay(tokenizer, data):
    outputs = torch.arange(6.0).reshape(6, 1)
    assert data.grouped(outputs).tolist() == [[[0], [1], [2]], [[3], [4], [5]]]
    alone = encode_examples(tokenizer, 64, [Example("a", (Segment(TEXTS[0]),), 0)])
    assert alone.each == 1
    assert alone.grouped(outputs) is outputs


def test_batches_are_of_examples_and_their_lengths_those_of_the_longest_input(data):
    assert data.lengths == [
        max(len(item.input_ids) for item in data.items[3 * i : 3 * i + 3]) for i in range(4)
    ]
    drawn = data.batches(3, seed=0, epoch=1)
    assert sorted(i for batch in drawn for i in batch) == [0, 1, 2, 3]


@pytest.mark.parametrize(("count", "examples"), [(1, 1), (3, 1), (7, 2), (100, 4)])
def test_the_first_inputs_are_those_of_whole_examples(data, count, examples):
    assert data.first(count).inputs["input_ids"].shape[0] == examples * 3


def test_examples_with_different_numbers_of_inputs_are_refused(tokenizer):
    examples = [*episode(1, 3), *episode(1, 2)]
    with pytest.raises(KpError, match=r"KP743(.|\n)*2 to 3 inputs"):
        encode_examples(tokenizer, 64, examples)


def test_an_example_is_kept_whole_if_any_of_its_inputs_holds_an_entity(tokenizer):
    attachment = Attachment(freeze(tiny_model("bert-classifier", len(tokenizer), 1)))
    knowledge = plug(attachment, "kb", Anchored(None, Context()), tiny_table())
    examples = episode(3, 2)
    # The second support of the first query alone, the query itself of the last.
    mentions = [
        [[], [], [Mention(0, 3, "E1")]],
        [[], [], [Mention(0, 3, "unknown")]],
        [[Mention(0, 3, "E2")], [], []],
    ]
    data = encode_examples(tokenizer, 64, examples, mentions, knowledge)
    kept = data.with_entities()
    assert kept.targets == [0, 0]
    assert kept.items == data.items[:2] + data.items[4:]
    assert [len(item.entities) for item in kept.items] == [0, 1, 1, 1]
    bare = kept.bare()
    assert [item.input_ids for item in bare.items] == [item.input_ids for item in kept.items]
    assert not any(item.entities for item in bare.items)
    assert bare.each == kept.each == 2


def test_every_text_is_tokenised_once_however_many_inputs_it_is_in(tokenizer):
    counting = CountingTokenizer(tokenizer)
    data = encode_examples(counting, 128, episode(4, 3))
    assert len(data.items) == 12
    assert len(counting.texts) == len(set(counting.texts)) == 4 + 3


@pytest.mark.parametrize(("batch_size", "calls"), [(6, 2), (64, 1), (2, 4)])
def test_many_pairs_are_scored_by_one_forward_pass(tokenizer, data, batch_size, calls):
    model = freeze(tiny_model("bert-classifier", len(tokenizer), 1))
    sizes = []
    model.register_forward_hook(lambda _m, _a, out: sizes.append(len(out.logits)))
    logits = predict(model, data, Pairs(), Context(), batch_size=batch_size)
    assert len(sizes) == calls
    assert sum(sizes) == 12
    assert logits.shape == (4, 3, 1)


def test_scores_are_those_of_each_pair_by_itself_in_the_order_of_the_examples(tokenizer, data):
    model = freeze(tiny_model("bert-classifier", len(tokenizer), 1))
    logits = predict(model, data, Pairs(), Context(), batch_size=6)
    with torch.no_grad():
        alone = [
            float(model(**tokenizer(example.segments[0].text, s.text, return_tensors="pt")).logits)
            for example in episode()
            for s in example.segments[1:]
        ]
    np.testing.assert_allclose(logits.ravel(), alone, atol=1e-5)


def test_answers_that_are_not_numbers_are_refused(tokenizer, data):
    model = freeze(tiny_model("bert-classifier", len(tokenizer), 1))
    with torch.no_grad():
        model.classifier.bias.fill_(torch.nan)
    with pytest.raises(KpError, match="KP746"):
        predict(model, data, Pairs(), Context())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_pairs_stand_in_the_tokenizers_own_frame_on_every_host(architecture):
    tokenizer = tiny_tokenizer(architecture)
    model = freeze(tiny_model(f"{architecture}-classifier", len(tokenizer), 1))
    model.config.pad_token_id = tokenizer.pad_token_id
    data = encode_examples(tokenizer, 128, episode(2, 2))
    for item, (example, support) in zip(
        data.items, [(e, s) for e in episode(2, 2) for s in (1, 2)], strict=True
    ):
        whole = tokenizer(example.segments[0].text, example.segments[support].text)
        assert item.input_ids == whole["input_ids"]
        assert item.token_types == whole.get("token_type_ids", [0] * len(item.input_ids))
    assert predict(model, data, Pairs(), Context()).shape == (2, 2, 1)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_over_long_pairs_keep_both_mentions_with_their_markers_in_both_texts(architecture):
    tokenizer = tiny_tokenizer(architecture)
    text = f"{'In France # there $ was ' * 3}Jean of Paris{' and so on in the capital' * 4}"
    query, support = marked(text, "Jean", "Paris"), marked(f"Lyon {text}", "Jean", "Lyon")
    example = Example("q", (query, support), 0, inputs=((0, 1),))
    whole = encode_examples(tokenizer, 1000, [example]).items[0]
    # Positions of the support's outer context go first: it is the longer one.
    for length in (len(whole.input_ids) - 1, 96):
        item = encode_examples(tokenizer, length, [example]).items[0]
        assert len(item.input_ids) == length
        assert item.dropped == len(whole.input_ids) - length
        inserted = [i for i, o in zip(item.input_ids, item.origin, strict=True) if o < 0]
        assert inserted == [i for i, o in zip(whole.input_ids, whole.origin, strict=True) if o < 0]
        kept = set(item.origin)
        tokens = [tokenizer(s.text, add_special_tokens=False, return_offsets_mapping=True)
                  ["offset_mapping"] for s in (query, support)]  # fmt: skip
        own = [(start, end, s) for s, offsets in enumerate(tokens) for start, end in offsets]
        for index, (start, end, s) in enumerate(own):
            inside = [m for m in (query, support)[s].mentions if m.start < end and start < m.end]
            assert index in kept or not inside


def test_a_batch_in_parts_gives_the_gradient_of_the_whole(tokenizer, tmp_path, monkeypatch):
    def trained(part):
        monkeypatch.setattr("kpframework.train.data.PART", part)
        data = encode_examples(tokenizer, 128, episode(5, 3))
        model = tiny_model("bert-classifier", len(tokenizer), 1)
        sizes, gradients = [], []
        model.register_forward_hook(lambda _m, _a, out: sizes.append(len(out.logits)))

        def keep(optimizer, parameters, *_):
            gradients.append({name: own.grad.clone() for name, own in parameters.items()})
            optimizer.zero_grad()

        monkeypatch.setattr("kpframework.train.loop._update", keep)
        config = TrainConfig(epochs=1, batch_size=5, select="last")
        context = Context(scratch=tmp_path / str(part))
        sets = (data, data)
        history = train_on_task(model, model, Pairs(), sets, config, context, label="parts")
        return gradients, history.loss, sizes

    [whole], loss, sizes = trained(64)
    assert sizes == [15]
    [parts], loss_of_parts, sizes = trained(6)
    assert sizes == [6, 6, 3]
    assert loss_of_parts == pytest.approx(loss, rel=1e-6)
    scale = max(float(own.abs().max()) for own in whole.values())
    assert scale > 1e-5
    for name, own in whole.items():
        torch.testing.assert_close(parts[name], own, atol=1e-3 * scale, rtol=0)
