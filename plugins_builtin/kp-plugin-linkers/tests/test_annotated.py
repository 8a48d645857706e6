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
    assert linker.statistics() == {
        "annotated": 3,
        "unknown_ids": 1,
        "cross_references": 0,
        "several_ids": 0,
        "overlapping": 0,
    }


def test_roles_only_leaves_out_other_spans(annotated, linked):
    assert linked(annotated(roles_only=True), SEGMENT) == [("Ulm", "Q1", "head")]


def test_ids_of_another_space_become_the_knowledge_bases_own(annotated, linked, kb):
    base = kb(ids=["HP:1"], other={"UMLS:Q1": "HP:1"})
    linker = annotated(base, id_space="UMLS")
    assert linked(linker, SEGMENT) == [("Ulm", "HP:1", "head")]
    assert linker.statistics()["cross_references"] == 1


def test_of_overlapping_spans_the_longest_stays(annotated, linked):
    linker = annotated()
    segment = Segment("New York City", (Mention(4, 8, "Q1", role="head"), Mention(0, 8, "Q2")))
    assert linked(linker, segment) == [("New York", "Q2", "")]
    assert linker.statistics()["overlapping"] == 1


def test_a_batch_links_as_its_segments_alone(annotated):
    linker = annotated()
    segments = [SEGMENT, Segment(""), SEGMENT]
    assert linker.link(segments) == [linker.link([s])[0] for s in segments]


def test_ids_that_name_their_space_are_looked_up_once_in_it(annotated, linked, kb):
    base = kb(ids=["HP:1"], other={"MESH:D1": "HP:1"})
    for given in ("D1", "MESH:D1", "-|D1", "D9|MESH:D1"):
        segment = Segment("Ulm", (Mention(0, 3, given),))
        assert linked(annotated(base, id_space="MESH"), segment) == [("Ulm", "HP:1", "")]
    segment = Segment("Ulm", (Mention(0, 3, "mesh:D1"),))
    assert linked(annotated(base, id_space="MESH", prefix="mesh:"), segment)
    assert not linked(annotated(base, id_space="MESH"), segment)


def test_a_mention_of_several_ids_links_to_the_first_known_or_to_none(annotated, linked):
    segment = Segment("Ulm", (Mention(0, 3, "Q8|Q2|Q1"),))
    linker = annotated()
    assert linked(linker, segment) == [("Ulm", "Q2", "")]
    assert linker.statistics()["several_ids"] == 1
    assert linked(annotated(several="none"), segment) == []


def test_documents_of_one_text_are_joined(annotated, linked, tmp_path):
    first, second = tmp_path / "a.pubtator", tmp_path / "b.pubtator"
    text = "7|t|\n7|a|Old Ulm and Bonn\n"
    first.write_text(f"{text}7\t5\t8\tUlm\tCity\tQ3\n7\t13\t17\tBonn\tCity\tQ2\n", "utf-8")
    second.write_text(f"{text}7\t1\t8\tOld Ulm\tCity\tQ1\n7\t13\t17\tBonn\tCity\tQ1\n", "utf-8")
    for given, bonn in (((first, second), "Q2"), ((second, first), "Q1")):
        linker = annotated(documents=tuple(map(str, given)))
        found = linked(linker, Segment("Old Ulm and Bonn"))
        assert found == [("Old Ulm", "Q1", ""), ("Bonn", bonn, "")]
        assert linker.statistics()["overlapping"] == 2


def test_mentions_come_from_documents_by_their_text_and_keep_the_spans_role(
    annotated, linked, tmp_path
):
    path = tmp_path / "c.pubtator"
    path.write_text(
        "7|t|\n7|a|Old Ulm and Bonn\n7\t1\t8\tOld Ulm\tCity\tQ1\n7\t13\t17\tBonn\tCity\tQ9\n"
        "7\t14\t18\tBonn\tCity\tQ2\n",
        "utf-8",
    )
    linker = annotated(documents=(str(path),))
    segment = Segment("Old Ulm and Bonn", (Mention(4, 7, "Q3", role="head"),))
    assert linked(linker, segment) == [("Old Ulm", "Q1", "head")]
    assert linked(linker, Segment("Ulm", (Mention(0, 3, "Q1"),))) == []
    counts = linker.statistics()
    assert (counts["documents"], counts["misplaced_annotations"]) == (1, 1)
    assert (counts["unknown_ids"], counts["texts_without_document"]) == (1, 1)
