import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from kp_plugin_pelt.config import PeltConfig
from kp_plugin_pelt.injector import Pelt

from kpframework.api import Context, Mention, Segment
from kpframework.cli.root import run
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.project import tiny_project
from kpframework.testing.tiny import tiny_model, tiny_tokenizer
from kpframework.train.session import Session

TEXTS = ["The patient has Lyon and long fingers.", "A Lyon is not the capital of France.", "Jean"]


def mention(text, word, entity):
    return Mention(text.index(word), text.index(word) + len(word), entity)


PASSAGES = [
    (Segment(TEXTS[0]), [mention(TEXTS[0], "Lyon", "E1"), mention(TEXTS[0], "fingers", "E2")]),
    (Segment(TEXTS[1]), [mention(TEXTS[1], "Lyon", "E1"), mention(TEXTS[1], "France", "E3")]),
    (Segment(TEXTS[2]), []),
]


def rig(tmp_path, **options):
    tokenizer = tiny_tokenizer("bert-masked-lm")
    model = freeze(tiny_model("bert-masked-lm", len(tokenizer)))
    attachment = Attachment(model)
    injector = Pelt(PeltConfig(corpus="c", **options), Context())
    knowledge = plug(attachment, "knowledge", injector, None)
    session = Session(attachment, knowledge, tokenizer, Context(scratch=tmp_path))
    session.passages = PASSAGES
    return session


def by_hand(session):
    """Each mention alone: one mask for it, the head's transform of the state there."""
    sums = {}
    model, tokenizer = session.attachment.model, session.tokenizer
    for segment, mentions in PASSAGES:
        for own in mentions:
            text = f"{segment.text[: own.start]}[MASK]{segment.text[own.end :]}"
            inputs = tokenizer(text, return_tensors="pt")
            position = inputs["input_ids"][0].tolist().index(tokenizer.mask_token_id)
            with torch.no_grad():
                hidden = model.bert(**inputs).last_hidden_state[0, position]
                state = model.cls.predictions.transform(hidden)
            sums[own.entity] = sums.get(own.entity, 0) + state
    return sums


def test_vectors_are_those_of_a_loop_over_single_mentions(tmp_path):
    session = rig(tmp_path)
    before = fingerprint(session.attachment.model)
    session.knowledge.injector.fit(session)
    expected = by_hand(session)
    assert sorted(session.made.ids) == sorted(expected) == ["E1", "E2", "E3"]
    length = session.attachment.embedding.weight.norm(dim=1).mean().item()
    for entity, vector in zip(session.made.ids, session.made.vectors, strict=True):
        own = expected[entity]
        np.testing.assert_allclose(vector, (own / own.norm() * length).numpy(), atol=1e-5)
    assert fingerprint(session.attachment.model) == before


class Stream:
    """A session of which only batches of random states are asked for; keeps what was made."""

    def __init__(self, batches, width=8):
        generator = np.random.default_rng(0)
        states = [generator.normal(size=(len(own), width)).astype(np.float32) for own in batches]
        self.batches = list(zip(batches, states, strict=True))
        embedding = torch.nn.Embedding(3, width)
        self.host = SimpleNamespace(model=SimpleNamespace(get_input_embeddings=lambda: embedding))

    def mention_states(self, limit):
        yield from self.batches

    def put_entities(self, ids, vectors):
        self.made = ids, vectors

    def note(self, name, value):
        pass


def test_sums_are_copied_only_when_they_run_out_of_room(monkeypatch):
    batches = [[f"E{i}"] for i in range(300)] + [["E7", "E7", "E2"]] * 300
    stream = Stream(batches)
    expected = {}
    for entities, states in stream.batches:
        for entity, state in zip(entities, states, strict=True):
            expected[entity] = expected.get(entity, 0.0) + state.astype(np.float64)
    copies, concatenate = [], np.concatenate
    monkeypatch.setattr(np, "concatenate", lambda parts: copies.append(1) or concatenate(parts))
    Pelt(PeltConfig(corpus="c", length=1), Context()).fit(stream)
    assert len(copies) <= 10
    ids, vectors = stream.made
    assert ids == list(expected)
    sums = np.array(list(expected.values()))
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    np.testing.assert_array_equal(vectors, (sums * (1 / norms)).astype(np.float32))


def test_every_vector_has_the_length_asked_for(tmp_path):
    session = rig(tmp_path, length=7)
    session.knowledge.injector.fit(session)
    np.testing.assert_allclose(np.linalg.norm(session.made.vectors, axis=1), 7, rtol=1e-5)


def test_no_more_mentions_are_read_than_allowed(tmp_path):
    session = rig(tmp_path, mentions=1)
    session.knowledge.injector.fit(session)
    assert session.notes["mentions read"] == 3


def test_a_row_of_a_spec_needs_no_embeddings_and_leaves_the_host_as_it_was(tmp_path):
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "pelt", "type": "pelt", "corpus": "descriptions", "knowledge": "names"},
    ]
    spec = tiny_project(tmp_path, injections=rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        assert run(["run", str(spec), "-o", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "cache" / "embeddings").exists()
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    (row,) = [r for r in results["rows"] if r["injection"] == "pelt" and r["task"] == "typing"]
    assert row["plug_and_play"]
    assert row["coverage"]["with_vector"] > 0
    assert row["input_overhead"] > 0
    assert (tmp_path / "out" / "plugins" / "pelt" / "entities").is_dir()
