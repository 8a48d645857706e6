import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from kp_plugin_linkers.config import GazetteerConfig
from kp_plugin_linkers.dense import DenseLinker
from kp_plugin_linkers.dense_config import DenseConfig
from kp_plugin_linkers.dense_encoder import Encoder
from kp_plugin_linkers.gazetteer import GazetteerLinker
from kp_plugin_linkers.homonyms import homonyms

from kpframework.api import Context, Mention, Segment
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

NAMES = [
    ("Paris", "Q1", 0.7),
    ("Paris", "Q2", 0.3),
    ("paris", "Q3", 0.1),
    ("Lyon", "Q4"),
    ("seizure", "Q5", 0.6),
    ("Seizure", "Q6", 0.4),
]
TEXTS = {
    "Q1": "Paris: the capital of France",
    "Q2": "Paris: born in 1967",
    "Q3": "Paris: slender fingers",
    "Q4": "Lyon: not the capital",
    "Q5": "seizure: an abnormality of nervous system physiology",
    "Q6": "seizure",
}
SEGMENTS = [
    Segment("Paris is the capital of France and Lyon is not."),
    Segment("Jean has a seizure; paris lives.", (Mention(11, 18, role="head"),)),
    Segment("Nothing."),
    Segment(""),
    Segment("The patient was born in Paris in 1967, and Paris has long fingers."),
]


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    tokenizer = tiny_tokenizer("bert-classifier")
    tiny_model("bert-classifier", len(tokenizer)).base_model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def dense(kb, backbone, tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path))

    class Described(kb):
        fingerprint = "made up"

        def info(self, entity):
            name, _, description = TEXTS[entity].partition(": ")
            return SimpleNamespace(name=name, aliases=(), description=description)

    def create(kind, ref):
        if kind == "backbone":
            return SimpleNamespace(folder=lambda: backbone)
        return GazetteerLinker(GazetteerConfig(**ref.options), Context())

    def build(**options):
        config = DenseConfig(encoder={"type": "hf"}, **options)
        linker = DenseLinker(config, Context(create=create))
        linker.prepare(Described(NAMES))
        return linker

    return build


def pooled(folder, text, span=None):
    """The mean of a text's token states, by transformers alone."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder).eval()
    given = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
    offsets = given.pop("offset_mapping")[0].tolist()
    with torch.no_grad():
        states = model(**given).last_hidden_state[0].numpy()
    if span:
        states = states[[a < span[1] and b > span[0] and b > a for a, b in offsets]]
    mean = states.mean(0)
    return mean / np.linalg.norm(mean)


@pytest.mark.parametrize("pooling", ["window", "mention"])
@pytest.mark.parametrize("weight", [0.0, 0.2])
def test_the_entity_with_the_highest_cosine_and_prior_is_chosen(dense, backbone, pooling, weight):
    text = "Jean lives in Paris and has long fingers."
    (mention,) = dense(pooling=pooling, prior_weight=weight).link([Segment(text)])[0]
    context = pooled(backbone, text, (14, 19) if pooling == "mention" else None)
    priors = {"Q1": 0.7, "Q2": 0.3, "Q3": 0.1}
    scores = {
        entity: float(context @ pooled(backbone, TEXTS[entity])) + weight * prior / 1.1
        for entity, prior in priors.items()
    }
    assert mention.entity == max(scores, key=scores.get)
    assert mention.score == pytest.approx(scores[mention.entity], abs=2e-3)
    assert text[mention.start : mention.end] == "Paris"


def test_with_much_weight_the_prior_decides_and_without_choice_nothing_is_read(dense):
    linker = dense(prior_weight=100)
    found = linker.link(SEGMENTS)
    assert [m.entity for m in found[0]] == ["Q1", "Q4"]
    assert found[0][1].score == 1.0
    assert [(m.entity, m.role) for m in found[1]] == [("Q5", "head"), ("Q1", "")]
    counts = linker.statistics()
    assert (counts["mentions"], counts["with_a_choice"]) == (6, 5)
    assert counts["candidates_names"] > 0


def test_a_threshold_leaves_out_what_nothing_fits(dense):
    linker = dense(threshold=1.0)
    assert linker.link(SEGMENTS) == [[], [], [], [], []]
    assert linker.statistics()["below_threshold"] == 6
    assert sum(map(len, dense(threshold=-1.0).link(SEGMENTS))) == 6


def test_vectors_of_the_cache_choose_as_those_made_anew(dense, monkeypatch):
    options = {"prior_weight": 0.0}
    first = dense(**options).link(SEGMENTS)
    with monkeypatch.context() as patch:
        patch.setattr(DenseLinker, "_write", None)  # it lies in the cache: nothing is written
        assert dense(**options).link(SEGMENTS) == first
    anew = dense(cache=False, **options).link(SEGMENTS)
    assert [[m.entity for m in own] for own in anew] == [[m.entity for m in own] for own in first]


@pytest.mark.parametrize("cache", [True, False])
def test_a_batch_links_as_its_segments_alone(dense, cache):
    linker = dense(cache=cache, prior_weight=0.1, batch_size=2)
    assert linker.link(SEGMENTS) == [linker.link([segment])[0] for segment in SEGMENTS]


def test_candidates_are_all_entities_of_the_name_the_best_first(dense):
    linker = dense(prior_weight=0.3)
    for own, chosen in zip(linker.candidates(SEGMENTS), linker.link(SEGMENTS), strict=True):
        assert [several[0] for several in own] == chosen
    (paris, lyon) = linker.candidates(SEGMENTS[:1])[0]
    assert {m.entity for m in paris} == {"Q1", "Q2", "Q3"}
    assert [m.entity for m in lyon] == ["Q4"]
    limited = dense(prior_weight=0.3, max_candidates=2).candidates(SEGMENTS[:1])[0][0]
    assert {m.entity for m in limited} == {"Q1", "Q2"}


def test_an_inflected_span_has_the_senses_of_its_entitys_name(dense):
    options = {"type": "gazetteer", "scope": "spans", "inflection": "english"}
    segment = Segment("Two seizures.", (Mention(4, 12, role="head"),))
    (found,) = dense(candidates=options).candidates([segment])[0]
    assert {m.entity for m in found} == {"Q5", "Q6"}


def test_names_of_one_entity_are_no_homonyms(kb):
    names = [("Ulm", "Q1"), ("ULM ", "Q1"), ("a  b", "Q1"), ("A b", "Q2", 2.0), ("", "Q1")]
    assert homonyms(kb(names)) == {"a b": [("Q2", 2.0), ("Q1", 1.0)]}


def test_names_of_one_entity_take_no_more_memory_than_their_hashes():
    class Names:
        def names(self):
            yield from (("same", f"Q{i}", 1.0) for i in range(2))
            yield from ((f"name {i}", f"Q{i}", 1.0) for i in range(100_000))

    tracemalloc.start()
    assert homonyms(Names()) == {"same": [("Q0", 1.0), ("Q1", 1.0)]}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 28 * 100_000


def test_vectors_do_not_depend_on_what_else_is_encoded(backbone):
    texts = [*TEXTS.values(), "", "long " * 100]
    encoder = Encoder(backbone, 16, 3, "cpu")
    together = encoder.encode(texts)
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-5)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
