from itertools import pairwise

import pytest

spacy = pytest.importorskip("spacy", reason="spaCy is not installed")

from kp_plugin_spacy.config import SpacyConfig  # noqa: E402
from kp_plugin_spacy.linker import SpacyLinker  # noqa: E402
from spacy.language import Language  # noqa: E402
from spacy.tokens import Span  # noqa: E402

from kpframework.api import Context, Mention, Segment  # noqa: E402
from kpframework.errors import KpError  # noqa: E402

PATTERNS = [
    {"label": "CITY", "pattern": "Ulm", "id": "Q1"},
    {"label": "CITY", "pattern": "New York", "id": "Q2"},
    {"label": "RIVER", "pattern": "Danube", "id": "Q3"},
    {"label": "CITY", "pattern": "Bonn", "id": "Q9"},
    {"label": "CITY", "pattern": "Rome"},
]


class FakeKB:
    entity_ids = ("Q1", "Q2", "Q3")

    def row(self, entity):
        known = {**{own: i for i, own in enumerate(self.entity_ids)}, "WD:Q1": 2}
        return known.get(entity)


@Language.component("kp_test_ids")
def give_ids(doc):
    """Give kb_id as an entity linker does: NIL where it found none."""
    doc.ents = [
        Span(doc, e.start, e.end, label=e.label, kb_id="Q3" if e.text == "Rome" else "NIL")
        for e in doc.ents
    ]
    return doc


@Language.component("kp_test_kb_ents")
def give_kb_ents(doc):
    """Give candidates as scispaCy does."""
    if not Span.has_extension("kb_ents"):
        Span.set_extension("kb_ents", default=())
    doc.ents = [Span(doc, e.start, e.end, label=e.label) for e in doc.ents]
    for e in doc.ents:
        e._.kb_ents = [("Q8", 0.9), ("Q2", 0.7)]
    return doc


@Language.component("kp_test_space")
def give_space(doc):
    """Give ids that name their space."""
    doc.ents = [
        Span(doc, e.start, e.end, label=e.label, kb_id="WD:Q1") for e in doc.ents if e.text == "Ulm"
    ]
    return doc


@pytest.fixture
def linker(tmp_path):
    def build(*components, **options):
        nlp = spacy.blank("xx")
        # A ruler's id stays with the tokens: beside another source of ids it gives none.
        kept = [{k: v for k, v in p.items() if k != "id"} for p in PATTERNS]
        nlp.add_pipe("entity_ruler").add_patterns(kept if components else PATTERNS)
        for name in components:
            nlp.add_pipe(name)
        nlp.to_disk(tmp_path / "pipeline")
        made = SpacyLinker(SpacyConfig(pipeline=str(tmp_path / "pipeline"), **options), Context())
        made.prepare(FakeKB())
        return made

    return build


TEXT = "From Ulm on the Danube to New York, Bonn and Rome."


def found(linker, text=TEXT, mentions=()):
    own = linker.link([Segment(text, mentions)])[0]
    return [(text[m.start : m.end], m.entity, m.role) for m in own]


def test_entities_with_a_known_id_are_mentions_and_others_are_counted(linker):
    made = linker()
    assert found(made) == [("Ulm", "Q1", ""), ("Danube", "Q3", ""), ("New York", "Q2", "")]
    assert made.statistics() == {
        "entities": 5,
        "other_labels": 0,
        "without_id": 1,
        "unknown_ids": 1,
    }


def test_labels_choose_and_spans_give_their_role(linker):
    made = linker(labels=("RIVER",))
    span = Mention(TEXT.index("Danube"), TEXT.index("Danube") + 6, role="head")
    assert found(made, mentions=(span,)) == [("Danube", "Q3", "head")]
    assert made.statistics()["other_labels"] == 4


def test_ids_are_looked_up_in_their_space(linker):
    assert found(linker(id_space="WD")) == [("Ulm", "Q3", "")]


def test_an_id_that_names_its_space_is_looked_up_as_it_is(linker):
    made = linker("kp_test_space", id_space="WD")
    assert found(made) == [("Ulm", "Q3", "")]


def test_an_entity_linkers_id_counts_and_its_nil_does_not(linker):
    assert found(linker("kp_test_ids")) == [("Rome", "Q3", "")]


def test_of_scispacys_candidates_the_best_known_one_is_taken_with_its_score(linker):
    made = linker("kp_test_kb_ents")
    own = made.link([Segment(TEXT)])[0]
    assert len(own) == 5
    assert {(m.entity, m.score) for m in own} == {("Q2", 0.7)}
    Span.remove_extension("kb_ents")


def test_a_batch_links_as_its_texts_alone_whatever_is_in_them(linker):
    texts = ["", "\ud800 Ulm", TEXT, "\n\t", "U\u0308lm Ulm\u0308 İ Ulm"]
    made = linker(batch_size=2)
    segments = [Segment(text) for text in texts]
    together = made.link(segments)
    assert together == [made.link([segment])[0] for segment in segments]
    for text, own in zip(texts, together, strict=True):
        assert all(text[m.start : m.end] in ("Ulm", "Danube", "New York") for m in own)
        assert all(a.end <= b.start for a, b in pairwise(own))
    made._nlp.max_length = 3
    assert made.link(segments) == together


def test_a_folder_that_is_no_pipeline_is_a_clear_error(tmp_path):
    linker = SpacyLinker(SpacyConfig(pipeline=str(tmp_path)), Context())
    with pytest.raises(KpError) as caught:
        linker.prepare(FakeKB())
    assert caught.value.code == "KP495"
