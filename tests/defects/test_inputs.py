"""Defects (docs/explanation/defects.md) in how knowledge gets into an input."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from kpframework.api import Insertion, Literal, Segment
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.testing.tiny import ArrayTable, tiny_tokenizer
from kpframework.train.masked_lm import masked_items

TEXT = "Paris is the capital of France / and Lyon is not."


def test_d01_an_entity_is_read_and_mapped_once_however_often_it_occurs(make_rig):
    rig = make_rig()
    read, mapped = [], []
    gather = rig.knowledge.table.gather
    rig.knowledge.table.gather = lambda rows: read.append(len(rows)) or gather(rows)
    rig.knowledge.module.register_forward_hook(lambda _m, args, _o: mapped.append(len(args[0])))
    rows = [rig.linked(TEXT, "Lyon", f"E{i % 2}") for i in range(64)]
    with torch.no_grad():
        rig.model(**rig.batch(rows))
    assert read == [2], "64 mentions of two entities are one read of two rows"
    assert mapped == [2], "and one call of the mapper"


def test_d02_the_tokenizer_stays_as_it_is_and_ids_depend_on_no_earlier_text(make_rig):
    rig = make_rig()
    before, fresh = rig.tokenizer.backend_tokenizer.to_str(), copy.deepcopy(rig.tokenizer)
    first, second = rig.linked(TEXT, "Lyon", "E1"), rig.linked(TEXT, "France", "E2")
    one = [rig.batch([row])["input_ids"].tolist() for row in (first, second)]
    used, rig.tokenizer = rig.tokenizer, fresh
    other = [rig.batch([row])["input_ids"].tolist() for row in (second, first)]
    assert fresh.backend_tokenizer.to_str() == used.backend_tokenizer.to_str() == before
    assert one == other[::-1]
    assert int(max(map(max, (row[0] for row in one)))) < rig.model.config.vocab_size


class LongIds(ArrayTable):
    """Entity ids of every kind, one longer than a word piece may be."""

    def __init__(self) -> None:
        super().__init__(np.random.default_rng(0).standard_normal((3, 16), dtype=np.float32))
        self.ids = ["Q90", "http://example.org/" + "x" * 200, "C0003706 (#/$)"]
        self._rows = {entity: row for row, entity in enumerate(self.ids)}


@pytest.mark.parametrize("row", range(3))
def test_d03_an_entity_reaches_the_host_whatever_its_id_looks_like(make_rig, row):
    table = LongIds()
    rig = make_rig(table=table)
    inputs = rig.batch([rig.linked(TEXT, "Lyon", table.ids[row])])
    (at,) = (inputs["kp_entities"][0] >= 0).nonzero().flatten().tolist()
    with torch.no_grad():
        expected = rig.knowledge.module(torch.from_numpy(table.vectors[row : row + 1]))
        unknown = rig.model.get_input_embeddings().weight[rig.tokenizer.unk_token_id]
    vector = rig.embedded(inputs)[0, at]
    assert torch.equal(vector, expected[0])
    assert not torch.allclose(vector, unknown)


def test_d04_a_roberta_takes_wikidata_entities_as_any_host_does(make_rig):
    table = LongIds()
    rig = make_rig("roberta-classifier", table=table)
    inputs = rig.batch([rig.linked(TEXT, "Lyon", "Q90"), EditedSegment(TEXT)])
    assert (inputs["kp_entities"] >= 0).sum(1).tolist() == [1, 0]
    column = int((inputs["kp_entities"][0] >= 0).nonzero())
    with torch.no_grad():
        expected = rig.knowledge.module(torch.from_numpy(table.vectors[:1]))
    assert torch.equal(rig.embedded(inputs)[0, column], expected[0])


def test_d07_word_embeddings_are_the_hosts_own_as_they_are_now(make_rig):
    rig = make_rig()
    inputs = rig.batch([rig.linked(TEXT, "Lyon")])
    before = rig.embedded(inputs)
    weight = rig.model.get_input_embeddings().weight
    with torch.no_grad():
        weight.add_(1.0)  # as if the host's own input embeddings had been tuned
    after = rig.embedded(inputs)
    slot = inputs["kp_entities"][0] >= 0
    torch.testing.assert_close(after[0, ~slot], before[0, ~slot] + 1)
    assert torch.equal(after[0, slot], before[0, slot])


def test_d07_full_fine_tuning_trains_the_input_embeddings():
    from kp_plugin_full_finetuning.config import FullConfig
    from kp_plugin_full_finetuning.full import FullFineTuning

    from kpframework.api import Context
    from kpframework.testing.tiny import tiny_model

    model = FullFineTuning(FullConfig(), Context()).prepare(tiny_model("bert-masked-lm", 40))
    ids = torch.tensor([[5, 6, 7, 8]])
    model(input_ids=ids, labels=ids).loss.backward()
    weight = model.get_input_embeddings().weight
    assert bool(weight.grad[5:9].abs().sum(1).all())
    assert model.get_output_embeddings().weight is weight, "the decoder stays tied to it"


def test_d08_an_entity_out_of_the_knowledge_base_changes_nothing_in_use_and_in_training(make_rig):
    rig = make_rig("bert-masked-lm")
    edited = rig.linked(TEXT, "Lyon", "E999")
    assert rig.batch([edited])["input_ids"].tolist() == [rig.tokenizer(TEXT)["input_ids"]]
    assert "kp_entities" not in rig.batch([edited])
    mentions = [[rig.mention(TEXT, "Lyon", "E999")]]
    assert masked_items(rig.tokenizer, [Segment(TEXT)], mentions, rig.knowledge, 64).items == []


@pytest.mark.parametrize("max_length", [16, 32, 64])
def test_d11_truncation_keeps_the_slot_and_both_markers_of_a_late_mention(make_rig, max_length):
    rig = make_rig()
    text = "and " * 61 + "Lyon"
    mention = rig.mention(text, "Lyon", "E1", role="mention")
    markers = (
        Insertion(mention.start, (Literal("$"),)),
        Insertion(mention.end, (Literal("$"),), side="after"),
    )
    edited = rig.knowledge.edit(Segment(text, (mention,), markers), [mention])
    inputs = rig.batch([edited], max_length)
    ids = inputs["input_ids"][0].tolist()
    marker = rig.tokenizer.convert_tokens_to_ids("$")
    assert len(ids) <= max_length
    assert ids.count(marker) == 2
    assert (inputs["kp_entities"] >= 0).sum() == 1
    inside = ids[ids.index(marker) + 1 : len(ids) - 1 - ids[::-1].index(marker)]
    lyon = rig.tokenizer("Lyon", add_special_tokens=False)["input_ids"]
    slash = rig.tokenizer.convert_tokens_to_ids("/")
    assert inside[1:] == [slash, *lyon]


@pytest.mark.parametrize("family", ["roberta", "gpt2", "llama", "deberta-v2", "bert"])
def test_d26_case_and_spaces_of_the_users_text_stay_as_they_are(family):
    tokenizer = tiny_tokenizer(family)
    text = "  Jean  MARCHI was\tborn in Paris ,1967 #"
    start = text.index("Paris")
    edit = SourcedEdit(Insertion(start, (Literal("/"),)))
    (plain, edited) = InputEncoder(tokenizer, 128).encode(
        [[EditedSegment(text)], [EditedSegment(text, (edit,))]]
    )
    assert plain.input_ids == tokenizer(text)["input_ids"]
    own = [i for i, o in zip(edited.input_ids, edited.origin, strict=True) if o >= 0]
    assert own == tokenizer(text, add_special_tokens=False)["input_ids"]
    if family in {"gpt2", "llama", "roberta"}:
        assert tokenizer.decode(own) == text
