"""What is true of a host however its folder was written."""

from __future__ import annotations

import pytest
import torch

from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.testing.tiny import tiny_model, tiny_tokenizer
from kpframework.train.hosts import load_model, load_tokenizer, padded_by


@pytest.mark.parametrize("named", [None, 2])
@pytest.mark.parametrize("architecture", ["gpt2-classifier", "llama-classifier"])
def test_a_decoders_answer_does_not_depend_on_what_stands_beside_it(tmp_path, architecture, named):
    """Its head takes the last token that is not the padding which its configuration names."""
    tokenizer = tiny_tokenizer(architecture)
    model = tiny_model(architecture, len(tokenizer))
    model.config.pad_token_id = named
    assert tokenizer.pad_token_id not in (None, named)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)

    tokenizer = load_tokenizer(tmp_path)
    host = freeze(padded_by(load_model(tmp_path, "sequence-classification", 3)[0], tokenizer))
    encoder = InputEncoder(tokenizer, 64)
    texts = ["Paris", "Jean Marchi was born in Paris, 1967 # and lives $ there."]
    items = encoder.encode([[EditedSegment(text)] for text in texts])
    collate = Collator(tokenizer, encoder.special.pad_id)
    with torch.inference_mode():
        together = host(**collate(items).inputs).logits[0]
        alone = host(**collate(items[:1]).inputs).logits[0]
    torch.testing.assert_close(together, alone)


def test_an_encoder_keeps_the_padding_by_which_it_counts_positions(tmp_path):
    """RoBERTa's kind counts from its configuration's padding on, when trained and when loaded."""
    tokenizer = tiny_tokenizer("roberta-classifier")
    model = tiny_model("roberta-classifier", len(tokenizer))
    model.config.pad_token_id = own = tokenizer.pad_token_id + 3
    assert padded_by(model, tokenizer).config.pad_token_id == own
