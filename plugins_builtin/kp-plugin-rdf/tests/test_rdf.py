import bz2
import gzip
import lzma
import re
import tracemalloc

import pyoxigraph as ox
import pytest
from kp_plugin_rdf import files
from kp_plugin_rdf.config import RdfConfig
from kp_plugin_rdf.provider import RdfProvider
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context, Entity, Triple
from kpframework.kb.store import build_store

TURTLE = """\
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix obo: <http://purl.obolibrary.org/obo/> .
@prefix oio: <http://www.geneontology.org/formats/oboInOwl#> .
@prefix e: <http://example.org/> .

obo:HP_1 a e:Sign ; rdfs:label "long finger"@en, "langer Finger"@de ;
  skos:prefLabel "dolichodactyly" ; skos:altLabel "spider finger"@en-GB, "long finger"@en ;
  skos:definition "A finger\\n that is long." ; oio:hasDbXref "UMLS:C0000001" ;
  owl:sameAs <http://other.org/1> ; e:weight 3 ; e:part_of obo:HP_2 .
obo:HP_2 rdfs:label "Hand"@de ; e:near [ rdfs:label "nameless" ] .
e:three e:near obo:HP_2, e:four .
"""
HP1 = Entity(
    "HP:1",
    "long finger",
    ("dolichodactyly", "spider finger"),
    types=("e:Sign",),
    description="A finger that is long.",
    xrefs=("http://other.org/1", "UMLS:C0000001"),
)
TRIPLES = [
    Triple("HP:1", "e:part_of", "HP:2"),
    Triple("e:three", "e:near", "HP:2"),
    Triple("e:three", "e:near", "e:four"),
]
FORMATS = {
    "nt": ox.RdfFormat.N_TRIPLES,
    "nq": ox.RdfFormat.N_QUADS,
    "ttl": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
    "rdf": ox.RdfFormat.RDF_XML,
}
BOMB = """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "{}">]>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">
<rdf:Description rdf:about="http://e/1"><e:p>&b;</e:p></rdf:Description></rdf:RDF>"""
ROOT = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">\n'
ONE = '<rdf:Description rdf:about="http://e/a"><e:r rdf:resource="http://e/b"/></rdf:Description>\n'


@pytest.fixture
def read(tmp_path):
    """Return the provider of a file with some content."""

    def make(content=TURTLE, name="kb.ttl", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        options = {"prefixes": {"e": "http://example.org/"}, **options}
        config = RdfConfig(paths=[str(path)], **options)
        return RdfProvider(config, Context(scratch=tmp_path / "scratch"))

    return make


def written_as(suffix):
    graph = ox.parse(TURTLE.encode(), format=ox.RdfFormat.TURTLE)
    triples = (ox.Triple(quad.subject, quad.predicate, quad.object) for quad in graph)
    return ox.serialize(triples, format=FORMATS[suffix])


def error(provider):
    with pytest.raises(KpError) as caught:
        list(provider.entities()), list(provider.triples())
    return caught.value.problems[0]


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_gives_the_same_entities_and_triples(read, suffix):
    provider = read(written_as(suffix), f"kb.{suffix}")
    (first,) = provider.entities()
    assert first == HP1
    assert list(provider.triples()) == TRIPLES


def test_what_is_left_out_is_counted_by_reason(read):
    provider = read()
    list(provider.triples())
    facts = provider.metadata()
    assert facts["literals"] == "1"  # e:weight
    assert facts["other_languages"] == "2"
    assert facts["blank_nodes"] == "2"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files_read_the_same_and_truncated_ones_are_errors(read, pack):
    suffix = {"gzip": "gz", "bz2": "bz2", "lzma": "xz"}[pack.__module__]
    packed = pack(TURTLE.encode() * 1)
    assert list(read(packed, f"kb.ttl.{suffix}").triples()) == TRIPLES
    problem = error(read(packed[:-30], f"cut.ttl.{suffix}"))
    assert problem.code == "KP435"
    assert problem.where.endswith(f"cut.ttl.{suffix}")


def test_other_languages_can_be_read_and_the_first_gives_the_name(read):
    german = {e.id: e for e in read(languages=["de", "en"]).entities()}
    assert german["HP:1"].name == "langer Finger"
    assert german["HP:2"].name == "Hand"
    every = {e.id: e for e in read(languages=None).entities()}
    assert set(every["HP:1"].aliases) == {"langer Finger", "dolichodactyly", "spider finger"}


def test_own_predicates_give_names_and_one_that_no_statement_has_is_an_error(read):
    (first,) = (e for e in read(names=["skos:prefLabel"]).entities() if e.id == "HP:1")
    assert first.name == "dolichodactyly"
    problem = error(read(names=["rdfs:lable"]))
    assert problem.code == "KP436"
    assert "rdfs:label" in problem.fix


def test_iris_are_shortened_by_the_longest_namespace(read):
    provider = read(prefixes={"": "http://example.org/", "f": "http://example.org/f"})
    assert [t.tail for t in provider.triples()] == ["HP:2", "HP:2", "f:our"]
    whole = read(prefixes={"x": "http://no.org/"}, obo_ids=False)
    assert next(iter(whole.triples())).head == "http://purl.obolibrary.org/obo/HP_1"


def test_blank_nodes_can_be_kept_and_are_called_alike_in_each_reading(read):
    provider = read(blank_nodes="keep")
    assert Triple("HP:2", "e:near", "_:b0") in list(provider.triples())
    assert {e.id: e.name for e in provider.entities()}["_:b0"] == "nameless"
    assert list(provider.triples()) == list(provider.triples())


def test_relations_can_be_chosen_and_types_can_be_triples(read):
    assert {t.relation for t in read(relations=["e:part_of"]).triples()} == {"e:part_of"}
    assert {t.relation for t in read(without_relations=["e:near"]).triples()} == {"e:part_of"}
    assert Triple("HP:1", "rdf:type", "e:Sign") in list(read(type_triples=True).triples())


def test_named_graphs_can_be_chosen(read):
    quads = (
        "<http://e/1> <http://p/> <http://e/2> <http://g/> .\n"
        "<http://e/3> <http://p/> <http://e/4> .\n"
    )
    assert len(list(read(quads, "a.nq").triples())) == 2
    assert [t.head for t in read(quads, "a.nq", graphs=["http://g/"]).triples()] == ["http://e/1"]
    assert [t.head for t in read(quads, "a.nq", graphs=[""]).triples()] == ["http://e/3"]


LINES = (
    "<http://e/1> <http://p/> <http://e/2> .\n"
    "no statement\n"
    '<http://e/3> <http://p/> "unclosed .\n'
    "\n# a comment\n"
    "<http://e/4> <http://p/> <http://e/5> .\n"
    "<http://e/6> <http://p/> <http://e/7>\n"
)


@pytest.mark.parametrize("at_once", [1, 2, 4_096])
def test_malformed_lines_are_errors_with_their_number_or_counted_one_by_one(
    read, monkeypatch, at_once
):
    monkeypatch.setattr(files, "_LINES", at_once)
    problem = error(read(LINES, "kb.nt"))
    assert problem.code == "KP434"
    assert problem.where.endswith("kb.nt:2")
    lenient = read(LINES, "kb.nt", on_bad_line="skip")
    assert [t.head for t in lenient.triples()] == ["http://e/1", "http://e/4"]
    assert lenient.metadata()["malformed_kb.nt"] == "3"


def test_a_line_that_is_not_utf8_is_malformed(read):
    bad = b'<http://e/1> <http://p/> "\xff" .\n<http://e/1> <http://p/> <http://e/2> .\n'
    assert error(read(bad, "kb.nt")).where.endswith("kb.nt:1")
    lenient = read(bad, "kb.nt", on_bad_line="skip")
    assert len(list(lenient.triples())) == 1
    assert lenient.metadata()["malformed_kb.nt"] == "1"


def test_malformed_turtle_is_an_error_with_its_line(read):
    problem = error(read(TURTLE.replace("obo:HP_2 .", "obo:HP_2 ; ] .")))
    assert problem.code == "KP434"
    assert problem.where.endswith("kb.ttl:11")


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ('<rdf:Description rdf:about="no iri">\n</rdf:Description>\n', 1),
        ('<rdf:Description rdf:about="http://e/a">\n<e:p></e:q>\n</rdf:Description>\n', 2),
        ('<rdf:Description rdf:about="http://e/a">\n\n<x:p>y</x:p>\n</rdf:Description>\n', 3),
        ("\n<e:Sign>&nothing;</e:Sign>\n", 2),
    ],
)
@pytest.mark.parametrize("before", [0, 900])
def test_malformed_xml_is_an_error_with_its_line(read, wrong, line, before):
    problem = error(read(f"{ROOT}{ONE * before}{wrong}{ONE * 900}</rdf:RDF>", "kb.rdf"))
    assert problem.code == "KP434"
    assert problem.where.endswith(f"kb.rdf:{1 + before + line}")


@pytest.mark.parametrize("content", ['<?xml version="1.0"?>\n<rdf>\n', BOMB[:200], b"\xff"])
def test_what_is_no_xml_at_all_is_an_error(read, content):
    problem = error(read(content, "kb.rdf"))
    assert problem.code == "KP434"
    assert "kb.rdf" in problem.where


def test_a_relative_iri_needs_a_base(read):
    relative = "<a> <http://p/> <b> ."
    assert error(read(relative)).code == "KP434"
    assert next(iter(read(relative, base="http://b/").triples())).head == "http://b/a"


@pytest.mark.parametrize("entity", ["&a;&a;", "a" * 600])
@pytest.mark.parametrize("piece", [7, 1 << 20])
def test_xml_entities_that_could_fill_the_memory_are_refused(read, monkeypatch, entity, piece):
    guarded = files._Guarded.read
    monkeypatch.setattr(
        files._Guarded, "read", lambda self, size=-1: guarded(self, min(size, piece))
    )
    problem = error(read("\n" + BOMB.format(entity).replace("><!E", ">\n<!E"), "kb.rdf"))
    assert problem.code == "KP434"
    assert problem.where.endswith("kb.rdf:3")


def test_an_xml_entity_of_plain_text_is_read(read):
    text = BOMB.format("http://e/2").replace("<e:p>&b;</e:p>", '<e:p rdf:resource="&b;"/>')
    assert [t.tail for t in read(text, "kb.owl").triples()] == ["http://e/2"]


def test_options_that_cannot_be_are_refused(tmp_path):
    path = tmp_path / "kb.ttl"
    path.touch()
    with pytest.raises(ValidationError, match="independent lines"):
        RdfConfig(paths=[str(path)], on_bad_line="skip")
    (tmp_path / "kb.bin").touch()
    with pytest.raises(ValidationError, match="set 'format'"):
        RdfConfig(paths=[str(tmp_path / "kb.bin")])


def test_counts_of_a_store_are_those_of_a_plain_count_of_the_lines(read, tmp_path):
    label = "<http://www.w3.org/2000/01/rdf-schema#label>"
    lines = [f'<http://e/{i}> {label} "name {i}"@en .' for i in range(0, 3_000, 2)]
    lines += [
        f"<http://e/{i}> <http://p/{i % 3}> <http://e/{(i * 7) % 3_000}> ." for i in range(3_000)
    ]
    provider = read("\n".join(lines), "kb.nt")
    store = build_store(provider, tmp_path / "store", "kb", Context(scratch=tmp_path / "s"))
    edges = {line for line in lines if label not in line}
    subjects = {end for line in lines for end in re.findall(r"http://e/\d+", line)}
    assert store.counts["triples"] == len(edges)
    assert store.counts["entities"] == len(subjects)
    assert store.counts["entities_without_name"] == len(subjects) - 1_500


def test_memory_does_not_grow_with_the_file(read):
    def peak(count):
        content = "".join(f"<http://e/{i}> <http://p/> <http://e/{i}> .\n" for i in range(count))
        provider = read(content, f"{count}.nt")
        tracemalloc.start()
        assert sum(1 for _ in provider.triples()) == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(40_000) < 1.3 * peak(10_000)


def test_xml_that_ends_between_two_elements_is_truncated(read):
    problem = error(read(ROOT + ONE, "kb.owl"))
    assert problem.code == "KP434"
    assert problem.message == "the file ends before </rdf:RDF>"
    assert problem.where.endswith("kb.owl:3")
    whole = read(f"{ROOT}{ONE}</rdf:RDF>\n<!-- Generated -->\n", "kb.owl")
    assert len(list(whole.triples())) == 1
    assert list(read(ROOT.replace(">\n", "/>"), "kb.owl").triples()) == []


@pytest.mark.parametrize("name", ["kb.nt", "kb.ttl"])
def test_a_byte_order_mark_other_line_ends_and_repeats_read_the_same(read, name):
    line = "<http://e/a> <http://e/r> <http://e/b> .\r\n"
    assert len(list(read("\ufeff" + line * 2, name).triples())) == 2
    assert list(read("", name).triples()) == []


def test_a_line_too_long_to_hold_is_an_error_with_its_place(read, monkeypatch):
    monkeypatch.setattr("kpframework.api.files._BLOCK", 10)
    monkeypatch.setattr("kpframework.api.files._LONGEST", 500)
    problem = error(read("<urn:a> <urn:b> <urn:c> .\n" + "x" * 600, "kb.nt"))
    assert (problem.code, "a line is longer" in problem.message) == ("KP435", True)
    assert problem.where.endswith("kb.nt:2")
