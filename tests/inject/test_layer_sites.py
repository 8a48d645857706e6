"""Where an injector may enter a layer: hidden states, the feed-forward block, without vectors."""

from __future__ import annotations

import pytest
import torch

from kpframework.api import Anchor, Context, Injector, Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import ENTITIES, Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder
from kpframework.inject.freezing import freeze
from kpframework.inject.plug import plug
from kpframework.testing.tiny import TEXTS, WIDTH, tiny_model, tiny_table, tiny_tokenizer

ENCODERS = ["bert-classifier", "roberta-classifier", "distilbert-classifier"]
ENCODERS += ["deberta-v2-classifier"]
ALL = [*ENCODERS, "gpt2-classifier", "llama-lm"]


class Marks(Injector):
    """Marks mentions and does what a test asks for; uses no vectors."""

    needs_entities = False

    def __init__(self, patch):
        super().__init__(None, Context())
        self._patch = patch

    def edits(self, segment, mentions):
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def patch(self, host, module):
        self._patch(host)


class AlwaysMarks(Marks):
    trains_host = True
    acts_always = True


class Rig:
    def __init__(self, architecture, patch, kind=Marks, table=None):
        self.tokenizer = tiny_tokenizer(architecture)
        self.model = freeze(tiny_model(architecture, len(self.tokenizer)))
        self.attachment = Attachment(self.model)
        self.knowledge = plug(self.attachment, "kb", kind(patch), table)

    def inputs(self, side="right", words=("Lyon",)):
        self.tokenizer.padding_side = side
        encoder = InputEncoder(self.tokenizer, 64)
        found = [Mention(TEXTS[1].index(w), TEXTS[1].index(w) + 4, "E3") for w in words]
        rows = [[self.knowledge.edit(Segment(TEXTS[1]), found)], [EditedSegment(TEXTS[3] * 2)]]
        collate = Collator(self.tokenizer, encoder.special.pad_id, [self.knowledge.rows])
        return collate(encoder.encode(rows)).inputs

    def __call__(self, inputs, **options):
        with torch.no_grad():
            return self.model(**inputs, **options)


@pytest.mark.parametrize("architecture", ALL)
def test_hidden_states_are_numbered_as_transformers_numbers_them(architecture):
    seen = {}

    def patch(host):
        assert host.layers == 2
        for index in range(3):
            host.hidden_state(index, lambda h, _e, index=index: seen.setdefault(index, h))

    rig = Rig(architecture, patch)
    states = rig(rig.inputs(), output_hidden_states=True).hidden_states
    for index in (0, 1) if architecture in {"gpt2-classifier", "llama-lm"} else (0, 1, 2):
        assert torch.equal(seen[index], states[index]), index
    assert seen[2].shape == states[2].shape  # a final norm stands between in decoders


@pytest.mark.parametrize("architecture", ALL)
def test_what_the_first_layer_gets_can_be_changed(architecture):
    def patch(host):
        host.hidden_state(0, lambda h, e: h.index_put((e.rows, e.columns), torch.ones(WIDTH)))

    rig = Rig(architecture, patch)
    inputs = rig.inputs()
    changed = rig(inputs).logits
    bare = rig({name: t for name, t in inputs.items() if name != ENTITIES}).logits
    assert torch.equal(changed[1], bare[1])
    assert not torch.equal(changed[0], bare[0])


@pytest.mark.parametrize("index", [3, -4])
def test_a_hidden_state_that_is_not_there_is_refused(index):
    with pytest.raises(KpError, match="KP714"):
        Rig("bert-classifier", lambda host: host.hidden_state(index, lambda h, _e: h))


@pytest.mark.parametrize("side", ["left", "right"])
def test_callbacks_see_the_mask_and_keep_things_for_later_ones(side):
    seen = []

    def patch(host):
        def first(hidden, entities):
            assert entities.memo == {}
            entities.memo["kept"] = entities.mask
            return hidden

        def second(hidden, entities):
            seen.append(entities.memo["kept"])
            return hidden

        host.hidden_state(0, first)
        host.layer(-1, second)

    rig = Rig("bert-classifier", patch)
    inputs = rig.inputs(side)
    for _ in range(2):
        rig(inputs)
    assert torch.equal(seen[0], inputs["attention_mask"])
    assert not bool(seen[0].all())
    assert len(seen) == 2


def test_marks_without_vectors_say_where_and_asking_for_vectors_is_refused():
    seen = []

    def patch(host):
        host.layer(
            0, lambda hidden, e: seen.append((e.rows.tolist(), e.columns.tolist())) or hidden
        )
        host.layer(1, lambda _hidden, e: e.vectors)

    rig = Rig("bert-classifier", patch)
    inputs = rig.inputs(words=("capi", "Lyon"))
    with pytest.raises(KpError, match="KP718"):
        rig(inputs)
    rows, columns = (inputs[ENTITIES] >= 0).nonzero(as_tuple=True)
    assert seen == [(rows.tolist(), columns.tolist())]
    assert len(columns) == 2


@pytest.mark.parametrize("architecture", [*ENCODERS, "gpt2-classifier"])
def test_the_inside_of_a_feed_forward_block_is_open_before_and_after_its_activation(architecture):
    seen = []

    def patch(host):
        assert host.feed_forward_width(1) > host.width
        host.feed_forward(
            1,
            lambda inner, _e: seen.append(inner) or inner * 2,
            lambda inner, _e: seen.append(inner) or torch.zeros_like(inner),
        )

    rig = Rig(architecture, patch)
    inputs = rig.inputs()
    changed = rig(inputs).logits
    act = torch.nn.functional.gelu(
        seen[0] * 2, approximate="tanh" if "gpt2" in architecture else "none"
    )
    torch.testing.assert_close(seen[1], act, atol=1e-5, rtol=1e-4)
    bare = {name: t for name, t in inputs.items() if name != ENTITIES}
    assert not torch.equal(changed[0], rig(bare).logits[0])


def test_a_gated_feed_forward_block_is_refused():
    with pytest.raises(KpError, match="KP719"):
        Rig("llama-lm", lambda host: host.feed_forward(0, lambda h, _e: h))


def test_callbacks_of_an_injector_that_acts_always_run_without_an_entity():
    counts = {Marks: [], AlwaysMarks: []}
    for kind, calls in counts.items():
        rig = Rig(
            "bert-classifier",
            lambda host, calls=calls: host.layer(
                0, lambda h, e: calls.append((len(e.rows), len(e.vectors))) or h
            ),
            kind,
            table=tiny_table(),
        )
        rig(rig.tokenizer(TEXTS[0], return_tensors="pt"))
    assert counts == {Marks: [], AlwaysMarks: [(0, 0)]}


def test_which_hosts_attend_to_what_comes_before_alone():
    found = {}
    for architecture in ALL:
        Rig(architecture, lambda host, a=architecture: found.setdefault(a, host.causal))
    assert [a for a in ALL if found[a]] == ["gpt2-classifier", "llama-lm"]
