"""Per-token metrics of a language model stay those of the user's own tokens, whatever is inserted.

Every expectation here is laid out by hand from what the tokenizer gives for the pieces.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from kpframework import KnowledgePlugin
from kpframework.api import Context, Edit, Insertion, Literal, Mention, Replacement, Segment, Slot
from kpframework.artifact import HOST, encode_mixed
from kpframework.inject.alignment import IGNORED
from kpframework.inject.freezing import freeze
from kpframework.testing.injectors import SlotInjector
from kpframework.testing.tiny import tiny_model, tiny_table, tiny_tokenizer

TEXT = "Jean Marchi was born in Paris, 1967 and lives there."
OTHER = "Lyon is not the capital."
SAID = "Paris is the capital of France /"
CAUSAL = ["gpt2-lm", "llama-lm"]


class Everything(SlotInjector):
    """Text before the input, ``slot /`` before each mention, ``( slot )`` after it."""

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        edits: list[Edit] = [Insertion(0, (Literal(SAID),), rank=-1)]
        for m in mentions:
            edits.append(Insertion(m.start, (Slot(m.entity), Literal("/")), rank=1))
            pieces = (Literal("("), Slot(m.entity), Literal(")"))
            edits.append(Insertion(m.end, pieces, side="after", rank=1))
        return edits


class Replacing(SlotInjector):
    """A slot in the place of each mention."""

    def edits(self, segment: Segment, mentions: Sequence[Mention]) -> list[Edit]:
        return [Replacement(m.start, m.end, (Slot(m.entity),)) for m in mentions]


def mention(text: str, word: str, entity: str = "E1") -> Mention:
    return Mention(text.index(word), text.index(word) + len(word), entity)


MENTIONS = [mention(TEXT, "Marchi"), mention(TEXT, "Paris", "E2")]


class Rig:
    """A language model with a plugin on it, and the tokens of the text."""

    def __init__(self, architecture: str, injector: type[SlotInjector] = Everything) -> None:
        self.tokenizer = tiny_tokenizer(architecture)
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        torch.manual_seed(1)
        state = torch.nn.Linear(16, 32).state_dict()
        config = {"name": "kb", "host": {"width": 32, "model_type": self.model.config.model_type}}
        made: Any = injector(None, Context())
        nothing: Any = None
        self.plugin = KnowledgePlugin(config, made, nothing, nothing, tiny_table(), state)
        self.plugin.attach(self.model, self.tokenizer)

    def logits(self, inputs: Any) -> torch.Tensor:
        with torch.no_grad():
            return self.model(**inputs).logits

    def own(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def literal(self, text: str) -> list[int]:
        """What a piece is in the middle of a sentence."""
        return self.own(f"a {text}")[len(self.own("a")) :]

    def by_hand(self) -> tuple[list[int], list[int]]:
        """Return the ids of the edited input, and the position of each own token in it."""
        encoded = self.tokenizer(TEXT, add_special_tokens=False, return_offsets_mapping=True)
        frame = self.tokenizer("")["input_ids"]
        ids, positions = list(frame[: len(frame) // 2]), []
        ids += self.literal(SAID)
        slot = self.tokenizer.unk_token_id or self.literal("/")[0]
        for token, (start, end) in zip(
            encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            for m in MENTIONS:
                if start <= m.start < end:
                    ids += [slot, *self.literal("/")]
            positions.append(len(ids))
            ids.append(token)
            for m in MENTIONS:
                if end == m.end:
                    ids += [*self.literal("("), slot, *self.literal(")")]
        return [*ids, *frame[len(frame) // 2 :]], positions


@pytest.mark.parametrize("architecture", ["bert-masked-lm", *CAUSAL])
def test_own_tokens_are_found_between_everything_that_was_inserted(architecture):
    rig = Rig(architecture)
    encoding = rig.plugin.encode([TEXT], [MENTIONS])
    ids, positions = rig.by_hand()
    assert encoding["input_ids"][0].tolist() == ids
    assert encoding.positions[0].tolist() == positions
    assert encoding.tokens[0].tolist() == rig.own(TEXT)
    assert (encoding["kp_entities"] >= 0).sum() == 4


@pytest.mark.parametrize("architecture", CAUSAL)
def test_causal_loss_and_perplexity_are_those_aligned_by_hand(architecture):
    rig = Rig(architecture)
    encoding = rig.plugin.encode([TEXT], [MENTIONS])
    output = rig.logits(encoding)
    _, positions = rig.by_hand()
    own = rig.own(TEXT)
    # Token i is predicted at the position before it: the prompt's last, a slash, a bracket.
    spent = [
        -float(output[0, at - 1].log_softmax(-1)[token])
        for token, at in zip(own, positions, strict=True)
    ]
    logits, labels = encoding.align(output, causal=True)
    loss = cross_entropy(logits.flatten(0, 1), labels.flatten())
    assert labels[0].tolist() == own
    assert float(loss) == pytest.approx(sum(spent) / len(spent), rel=1e-5)
    assert math.exp(float(loss)) == pytest.approx(math.exp(sum(spent) / len(spent)), rel=1e-5)


@pytest.mark.parametrize("architecture", CAUSAL)
def test_without_edits_causal_loss_is_the_models_own(architecture):
    rig = Rig(architecture)
    encoding = rig.plugin.encode([OTHER], [[]])
    inputs = rig.tokenizer(OTHER, return_tensors="pt")
    with torch.no_grad():
        expected = rig.model(**inputs, labels=inputs["input_ids"]).loss
    assert encoding["input_ids"].tolist() == inputs["input_ids"].tolist()
    logits, labels = encoding.align(rig.logits(encoding), causal=True)
    assert labels[0, 0] == IGNORED, "nothing predicts the first token of these tokenizers"
    loss = cross_entropy(logits.flatten(0, 1), labels.flatten())
    torch.testing.assert_close(loss, expected)


def test_masked_loss_is_that_aligned_by_hand():
    rig = Rig("bert-masked-lm")
    ids, positions = rig.by_hand()
    own = rig.own(TEXT)
    codes = rig.plugin.encode([TEXT], [MENTIONS])["kp_entities"]
    by_hand, ours = [], []
    for i, at in enumerate(positions):
        masked = torch.tensor([ids])
        masked[0, at] = rig.tokenizer.mask_token_id
        output = rig.logits({"input_ids": masked, "kp_entities": codes})
        by_hand.append(-float(output[0, at].log_softmax(-1)[own[i]]))

        encoding = rig.plugin.encode([TEXT], [MENTIONS])
        encoding["input_ids"][0, encoding.positions[0, i]] = rig.tokenizer.mask_token_id
        logits, labels = encoding.align(rig.logits(encoding))
        ours.append(float(cross_entropy(logits[0, i], labels[0, i])))
    assert ours == pytest.approx(by_hand, rel=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("architecture", CAUSAL)
def test_rows_of_different_length_are_aligned_as_each_alone(architecture, side):
    rig = Rig(architecture)
    rig.tokenizer.padding_side = side
    texts, mentions = [OTHER, TEXT], [[], MENTIONS]
    batch = rig.plugin.encode(texts, mentions)
    positions = (batch["attention_mask"].cumsum(1) - 1).clamp(min=0)
    logits, labels = batch.align(rig.logits({**batch, "position_ids": positions}), causal=True)
    for row, (text, found) in enumerate(zip(texts, mentions, strict=True)):
        encoding = rig.plugin.encode([text], [found])
        alone, expected = encoding.align(rig.logits(encoding), causal=True)
        count = expected.shape[1]
        assert labels[row].tolist() == [
            *expected[0].tolist(),
            *[IGNORED] * (labels.shape[1] - count),
        ]
        known = expected[0] != IGNORED
        torch.testing.assert_close(logits[row, :count][known], alone[0][known])
        assert bool(logits[row, labels[row] == IGNORED].isnan().all())


def test_a_token_that_a_slot_replaced_or_truncation_cut_has_no_label():
    rig = Rig("gpt2-lm", Replacing)
    own, whole = rig.own(TEXT), rig.plugin.encode([TEXT], [MENTIONS])
    _, labels = whole.align(rig.logits(whole))
    gone = [i for i, label in enumerate(labels[0].tolist()) if label == IGNORED]
    text = "".join(rig.tokenizer.convert_ids_to_tokens([own[i] for i in gone]))
    assert text.replace("Ġ", "") == "MarchiParis"
    assert [label for label in labels[0].tolist() if label != IGNORED] == [
        token for i, token in enumerate(own) if i not in gone
    ]
    short = rig.plugin.encode([TEXT], [[]], max_length=7)
    logits, labels = short.align(rig.logits(short))
    assert labels[0].tolist() == [*own[:7], *[IGNORED] * (len(own) - 7)]
    assert torch.equal(logits[0, :7], rig.logits(short)[0])


def test_each_row_of_a_mixed_batch_knows_its_own_tokens():
    rig = Rig("gpt2-lm")
    host, _ = rig.plugin.attached()
    host.linkers["kb"] = lambda segments: [[mention(own.text, "Lyon")] for own in segments]
    mixed = encode_mixed([OTHER, OTHER], [rig.plugin, HOST])
    assert mixed.tokens.tolist() == [rig.own(OTHER)] * 2
    assert mixed.positions[1].tolist() == list(range(len(rig.own(OTHER))))
    assert int(mixed.positions[0, 0]) == len(rig.literal(SAID)) + 1 + len(rig.literal("/"))


def test_logits_of_other_inputs_are_refused():
    rig = Rig("gpt2-lm")
    encoding = rig.plugin.encode([TEXT], [MENTIONS])
    with pytest.raises(ValueError, match="not those of inputs"):
        encoding.align(rig.logits(rig.tokenizer(TEXT, return_tensors="pt")))
