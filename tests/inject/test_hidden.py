"""Text that a language model has to name: mask tokens, or the positions before it."""

from __future__ import annotations

import pytest

from kpframework.api import Hidden, Insertion, Literal, Replacement, Slot, literal_ids
from kpframework.errors import KpError
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.testing.tiny import tiny_tokenizer

TEXT = "the patient lives in France"
ANSWER = "Paris of Lyon"
MASKED = ["bert", "roberta", "deberta-v2"]
CAUSAL = ["gpt2", "llama"]


def encode(tokenizer, edits, *, causal, max_length=64, text=TEXT):
    encoder = InputEncoder(tokenizer, max_length, causal)
    edited = EditedSegment(text, tuple(SourcedEdit(edit) for edit in edits))
    return encoder.encode([[edited]])[0]


def at_end(text=TEXT):
    return Insertion(len(text), (Hidden(ANSWER),), "after")


@pytest.mark.parametrize("family", MASKED)
def test_a_masked_model_gets_mask_tokens_with_the_answer_as_targets(family):
    tokenizer = tiny_tokenizer(family)
    answer = literal_ids(tokenizer, ANSWER)
    own = tokenizer(TEXT)["input_ids"]
    last = own[-1]  # the closing special token
    item = encode(tokenizer, [at_end()], causal=False)
    assert item.input_ids == [*own[:-1], *[tokenizer.mask_token_id] * len(answer), last]
    first = len(own) - 1
    assert item.targets == [(first + i, token) for i, token in enumerate(answer)]
    assert len(answer) > 1


@pytest.mark.parametrize("family", CAUSAL)
def test_a_causal_model_sees_the_answer_and_names_each_token_from_the_one_before(family):
    tokenizer = tiny_tokenizer(family)
    own, answer = tokenizer(TEXT)["input_ids"], literal_ids(tokenizer, ANSWER)
    item = encode(tokenizer, [at_end()], causal=True)
    assert item.input_ids == own + answer == tokenizer(f"{TEXT} {ANSWER}")["input_ids"]
    assert item.targets == [(len(own) - 1 + i, token) for i, token in enumerate(answer)]


def test_ids_and_targets_by_hand():
    bert, gpt2 = tiny_tokenizer("bert"), tiny_tokenizer("gpt2")
    edit = Replacement(18, 20, (Hidden("of Paris"),))  # in the place of "in"
    words = ["[CLS]", "patient", "lives", "france", "[SEP]"]
    masked = encode(bert, [edit], causal=False, text=TEXT)
    the = bert("the", add_special_tokens=False)["input_ids"]
    of = bert("of paris", add_special_tokens=False)["input_ids"]
    expected = bert.convert_tokens_to_ids(words)
    mask = bert.mask_token_id
    assert masked.input_ids == [expected[0], *the, *expected[1:3], *[mask] * len(of), *expected[3:]]
    assert masked.targets == [(3 + len(the) + i, token) for i, token in enumerate(of)]
    causal = encode(gpt2, [edit], causal=True)
    before, named = gpt2("the patient lives")["input_ids"], gpt2(" of Paris")["input_ids"]
    assert causal.input_ids == before + named + gpt2(" France")["input_ids"]
    assert causal.targets == [(len(before) - 1 + i, token) for i, token in enumerate(named)]


@pytest.mark.parametrize("family", [*MASKED, *CAUSAL])
@pytest.mark.parametrize("padding_side", ["left", "right"])
def test_targets_stay_with_their_answers_behind_slots_markers_and_padding(family, padding_side):
    tokenizer = tiny_tokenizer(family)
    tokenizer.padding_side = padding_side
    causal = family in CAUSAL
    start = TEXT.index("patient")
    pieces = (Literal("$"), Slot("E1"), Literal("/"))
    edited = encode(tokenizer, [Insertion(start, pieces), at_end()], causal=causal)
    plain = encode(tokenizer, [at_end()], causal=causal)
    added = len(edited.input_ids) - len(plain.input_ids)
    assert added >= 3
    assert edited.targets == [(column + added, token) for column, token in plain.targets]
    collate = Collator(tokenizer, 0, [lambda entities: [7] * len(entities)])
    batch = collate([edited, plain])
    rows, columns, tokens = batch.targets
    answer = literal_ids(tokenizer, ANSWER)
    assert tokens.tolist() == answer * 2
    assert rows.tolist() == [0] * len(answer) + [1] * len(answer)
    found = batch.inputs["input_ids"][rows, columns + causal]
    expected = answer if causal else [tokenizer.mask_token_id] * len(answer)
    assert found.tolist() == expected * 2


@pytest.mark.parametrize("family", ["bert", "gpt2"])
@pytest.mark.parametrize("max_length", range(12, 26))
def test_truncation_never_takes_the_hidden_text(family, max_length):
    tokenizer = tiny_tokenizer(family)
    text = "the weather was fine and " + TEXT
    answer = literal_ids(tokenizer, ANSWER)
    item = encode(
        tokenizer, [at_end(text)], causal=family == "gpt2", max_length=max_length, text=text
    )
    assert len(item.input_ids) <= max_length
    assert [token for _, token in item.targets] == answer


def test_a_causal_model_cannot_name_what_nothing_stands_before():
    tokenizer = tiny_tokenizer("gpt2")
    edit = Insertion(0, (Hidden("Paris"),))
    with pytest.raises(KpError, match="KP704"):
        encode(tokenizer, [edit], causal=True)
    assert encode(tiny_tokenizer("bert"), [edit], causal=False).targets[0][0] == 1


def test_what_reads_like_a_special_token_in_hidden_text_is_text():
    tokenizer = tiny_tokenizer("bert")
    item = encode(tokenizer, [Insertion(len(TEXT), (Hidden("[SEP]"),), "after")], causal=False)
    assert tokenizer.sep_token_id not in [token for _, token in item.targets]
    assert len(item.targets) > 1
