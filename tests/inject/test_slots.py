"""What an entity's slot holds, apart from any text."""

from __future__ import annotations

import torch

from kpframework.api import Context
from kpframework.inject.attachment import Attachment
from kpframework.inject.plug import plug
from kpframework.inject.slots import slot_vectors
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer


def test_slots_hold_the_mapped_vectors_of_their_entities_in_the_order_asked_for():
    attachment = Attachment(tiny_model("bert-classifier", len(tiny_tokenizer("bert-classifier"))))
    table = tiny_table()
    plug(attachment, "other", SlotInjector(None, Context()), tiny_table(seed=1), seed=1)
    own = plug(attachment, "kb", SlotInjector(None, Context()), table, seed=0)
    asked = ["E3", "E1", "E3"]
    found = slot_vectors(attachment, "kb", asked)
    with torch.no_grad():
        expected = own.module(torch.from_numpy(table.gather(table.rows(asked))))
    assert torch.equal(found, expected)


def test_a_host_on_whose_input_nothing_acts_has_no_slots():
    attachment = Attachment(tiny_model("bert-classifier", len(tiny_tokenizer("bert-classifier"))))
    assert slot_vectors(attachment, "kb", ["E3"]) is None
