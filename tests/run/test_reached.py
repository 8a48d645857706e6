"""What is written down of the knowledge that reached the host."""

from __future__ import annotations

import pytest

from kpframework.api import Context, Example, Injector, Insertion, Literal, Mention, Segment
from kpframework.inject.knowledge import Knowledge
from kpframework.run.steps.reached import coverage, input_overhead, mention_states, truncation
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import TEXTS, tiny_table, tiny_tokenizer
from kpframework.train.data import encode_examples

TEXT = TEXTS[2]


class SaysNames(Injector):
    """Text before the user's own, as a prompt has it."""

    needs_entities = False

    def edits(self, segment, mentions):
        return [Insertion(0, (Literal("paris lyon paris lyon", 20),), rank=-1)]


def mention(word: str, entity: str, role: str = "") -> Mention:
    return Mention(TEXT.index(word), TEXT.index(word) + len(word), entity, role=role)


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer("bert")


def encoded(tokenizer, knowledge, linked, length):
    examples, linked = [Example("a", (Segment(TEXT),), 0)], [[linked]]
    own = encode_examples(tokenizer, length, examples, linked, knowledge).items
    plain = encode_examples(tokenizer, length, examples).items
    return examples, linked, own, plain


def test_inputs_that_lose_their_knowledge_and_those_that_lose_text_to_it_are_counted(tokenizer):
    length = len(tokenizer(TEXT)["input_ids"])
    says = Knowledge(SaysNames(None, Context()), None, None)
    _, _, own, plain = encoded(tokenizer, says, [mention("Paris", "E1")], length)
    assert truncation(own, plain) == {
        "inputs": 1,
        "cut": 0,
        "cut_without_knowledge": 0,
        "displaced_tokens": 0,
        "knowledge": {"inputs": 1, "inputs_left_without": 1, "wanted": 4, "kept": 0},
    }
    assert input_overhead(own) == 0
    slots = Knowledge(SlotInjector(None, Context()), None, tiny_table())
    _, _, own, plain = encoded(tokenizer, slots, [mention("Paris", "E1", "head")], length)
    counted = truncation(own, plain)
    assert (counted["cut"], counted["cut_without_knowledge"]) == (1, 0)
    assert counted["knowledge"]["kept"] == counted["knowledge"]["wanted"] > 0
    assert input_overhead(own) == counted["displaced_tokens"] == counted["knowledge"]["kept"]


def test_a_row_without_knowledge_has_its_cut_inputs_counted(tokenizer):
    examples = [Example("a", (Segment(TEXT),), 0), Example("b", (Segment("Lyon"),), 0)]
    plain = encode_examples(tokenizer, 8, examples).items
    counted = truncation(plain, plain)
    assert (counted["inputs"], counted["cut"]) == (2, 1)
    assert counted["knowledge"]["inputs"] == 0
    assert coverage(examples, None, None) is None


def test_mentions_are_told_apart_by_whether_the_host_was_shown_them(tokenizer):
    slots = Knowledge(SlotInjector(None, Context()), None, tiny_table())
    last = TEXT.split()[-1].rstrip(".")
    linked = [mention("Paris", "E1", "head"), mention("Marchi", "nowhere"), mention(last, "E2")]
    examples, links, items, _ = encoded(tokenizer, slots, linked, 64)
    shown = mention_states(examples, links, slots, items)
    assert shown == [[["reached", "no vector", "reached"]]]
    examples, links, items, _ = encoded(tokenizer, slots, linked, 14)
    assert mention_states(examples, links, slots, items) == [[["reached", "no vector", "cut off"]]]


def test_knowledge_as_text_reached_the_host_where_any_of_it_stands(tokenizer):
    says = Knowledge(SaysNames(None, Context()), None, None)
    linked, length = [mention("Paris", "E1")], len(tokenizer(TEXT)["input_ids"])
    for more, state in ((0, "cut off"), (1, "reached")):
        examples, links, items, _ = encoded(tokenizer, says, linked, length + more)
        assert mention_states(examples, links, says, items) == [[[state]]]


def test_a_segment_has_reached_the_host_where_one_of_its_inputs_holds_it(tokenizer):
    slots = Knowledge(SlotInjector(None, Context()), None, tiny_table())
    segments = (Segment(TEXT), Segment(TEXTS[0]), Segment(TEXTS[1]))
    examples = [Example("a", segments, 0, inputs=((0, 1), (0, 2)))]
    lyon = Mention(TEXTS[1].index("Lyon"), TEXTS[1].index("Lyon") + 4, "E3")
    linked = [[[mention("Paris", "E1")], [], [lyon]]]
    items = encode_examples(tokenizer, 128, examples, linked, slots).items
    assert len(items) == 2
    states = mention_states(examples, linked, slots, items)
    assert states == [[["reached"], [], ["reached"]]]
