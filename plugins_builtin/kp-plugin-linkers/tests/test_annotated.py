import pytest
from kp_plugin_linkers.annotated import AnnotatedLinker
from kp_plugin_linkers.config import AnnotatedConfig

from kpframework.api import Context, Mention, Segment

SEGMENT = Segment(
    "Ulm and Bonn and Rome",
    (
        Mention(0, 3, "Q1", role="head"),
        Mention(8, 12, "Q9", role="tail"),
        Mention(17, 21, "Q3"),
        Mention(4, 7),
    ),
)


@pytest.fixture
def annotated(kb):
    def build(base=None, **options):
        linker = AnnotatedLinker(AnnotatedConfig(**options), Context())
        linker.prepare(base or kb(ids=["Q1", "Q2", "Q3"]))
        return linker

    return build


def test_known_ids_are_kept_and_unknown_ones_counted(annotated, linked):
    linker = annotated()
    assert linked(linker, SEGMENT) == [("Ulm", "Q1", "head"), ("Rome", "Q3", "")]
    assert linker.statistics() == {"annotated": 3, "unknown_ids": 1, "overlapping": 0}


def test_roles_only_leaves_out_other_spans(annotated, linked):
    assert linked(annotated(roles_only=True), SEGMENT) == [("Ulm", "Q1", "head")]


def test_ids_of_another_space_become_the_knowledge_bases_own(annotated, linked, kb):
    base = kb(ids=["HP:1"], other={"UMLS:Q1": "HP:1"})
    assert linked(annotated(base, id_space="UMLS"), SEGMENT) == [("Ulm", "HP:1", "head")]


def test_of_overlapping_spans_the_longest_stays(annotated, linked):
    linker = annotated()
    segment = Segment("New York City", (Mention(4, 8, "Q1", role="head"), Mention(0, 8, "Q2")))
    assert linked(linker, segment) == [("New York", "Q2", "")]
    assert linker.statistics()["overlapping"] == 1


def test_a_batch_links_as_its_segments_alone(annotated):
    linker = annotated()
    segments = [SEGMENT, Segment(""), SEGMENT]
    assert linker.link(segments) == [linker.link([s])[0] for s in segments]
