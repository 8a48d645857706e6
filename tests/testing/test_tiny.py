"""A tiny host is the same in every process, so that a test finds today what it found before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kpframework.testing.tiny import TEXTS, tiny_tokenizer

FAMILIES = ("bert", "deberta-v2", "gpt2", "roberta", "llama")
LOOK = """
import sys
from kpframework.testing.tiny import tiny_tokenizer
print(*(tiny_tokenizer(name).backend_tokenizer.to_str() for name in sys.argv[1:]), sep="\\n")
"""


def test_tokenizers_are_the_same_in_another_process():
    command = [sys.executable, "-c", LOOK, *FAMILIES]
    there = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    here = [tiny_tokenizer(name).backend_tokenizer.to_str() for name in FAMILIES]
    assert there.splitlines() == here


@pytest.mark.parametrize("family", FAMILIES)
def test_the_texts_they_are_made_for_hold_nothing_unknown(family):
    tokenizer = tiny_tokenizer(family)
    for text in TEXTS:
        assert tokenizer.unk_token_id not in tokenizer(text)["input_ids"]
