import bz2
import csv
import gzip
from collections import defaultdict
from pathlib import Path

import pytest
from kp_plugin_crosswalk.config import CrosswalkConfig
from kp_plugin_crosswalk.provider import CrosswalkProvider

from kpframework import KpError
from kpframework.api import Context, Entity, KBProvider, Triple
from kpframework.kb.store import build_store

MONDO = Path(__file__).parents[4] / "shared/data/biomed/mondo"
HEAD = (
    "# license: CC0\n# mapping_set_version: v7\n"
    "subject_id\tpredicate_id\tobject_id\tpredicate_modifier\n"
)
ROWS = (
    "A:1\tskos:exactMatch\tmesh:D1\t\n"
    "A:1\tskos:exactMatch\tmesh:D2\t\n"
    "A:2\tskos:exactMatch\tmesh:D2\t\n"
    "UMLS:C3\tskos:exactMatch\tmesh:D3\t\n"
    "A:2\tskos:broadMatch\tmesh:D4\t\n"
    "A:2\tskos:exactMatch\tmesh:D5\tNot\n"
    "A:2\tskos:exactMatch\tsssom:NoTermFound\t\n"
    "A:9\tskos:exactMatch\tmesh:D9\t\n"
)


class Given(KBProvider):
    """Three diseases; one is also called by an id of UMLS."""

    def entities(self):
        yield Entity("A:1", "one", xrefs=("mesh:D1",))
        yield Entity("A:2", "two", xrefs=("X:2",))
        yield Entity("A:3", "three", xrefs=("UMLS:C3",))

    def triples(self):
        yield Triple("A:1", "is_a", "A:2")

    def files(self):
        return (Path("inner.txt"),)

    def metadata(self):
        return {"licence": "inner"}


@pytest.fixture
def crosswalk(tmp_path):
    """Return the crosswalk of some lines over a knowledge base."""

    def make(content=HEAD + ROWS, name="m.sssom.tsv", inner=None, **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        config = CrosswalkConfig(kb={"type": "given"}, mappings=[str(path)], **options)
        provider = inner or Given(None, Context())
        return CrosswalkProvider(config, Context(create=lambda kind, ref: provider))

    return make


def xrefs(provider):
    return {entity.id: entity.xrefs for entity in provider.entities()}


def problem(provider):
    with pytest.raises(KpError) as caught:
        list(provider.entities())
    return caught.value.problems[0]


def test_entities_get_the_other_sides_ids_behind_their_own(crosswalk):
    provider = crosswalk()
    assert xrefs(provider) == {
        "A:1": ("mesh:D1",),
        "A:2": ("X:2",),
        "A:3": ("UMLS:C3", "mesh:D3"),
    }
    assert list(provider.triples()) == [Triple("A:1", "is_a", "A:2")]
    assert provider.files() == (Path("inner.txt"),)


def test_windows_line_ends_and_a_byte_order_mark_read_the_same(crosswalk):
    plain = crosswalk()
    windows = crosswalk("\ufeff" + (HEAD + ROWS).replace("\n", "\r\n"), name="w.sssom.tsv")
    assert xrefs(windows) == xrefs(plain)
    own = {**windows.metadata(), "crosswalk_source": ""}
    assert own == {**plain.metadata(), "crosswalk_source": ""}


def test_an_id_of_several_entities_is_given_to_each_when_asked(crosswalk):
    found = xrefs(crosswalk(several="keep"))
    assert found["A:1"] == ("mesh:D1", "mesh:D2")
    assert found["A:2"] == ("X:2", "mesh:D2")


def test_an_id_that_another_entity_has_already_is_ambiguous_too(crosswalk):
    rows = "A:3\tskos:exactMatch\tX:2\t\nA:3\tskos:exactMatch\tX:3\t\n"
    provider = crosswalk(HEAD + rows)
    assert xrefs(provider)["A:3"] == ("UMLS:C3", "X:3")
    assert provider.metadata()["crosswalk_ambiguous_ids"] == "1"


def test_what_counts_and_what_does_not_is_in_the_metadata(crosswalk):
    provider = crosswalk()
    list(provider.entities())
    assert provider.metadata() == {
        "licence": "inner",
        "crosswalk_source": "m.sssom.tsv",
        "crosswalk_licence": "CC0",
        "crosswalk_release": "v7",
        "crosswalk_mappings": "5",
        "crosswalk_other_predicates": "1",
        "crosswalk_negated": "1",
        "crosswalk_no_term_found": "1",
        "crosswalk_unknown_ids": "1",
        "crosswalk_ambiguous_ids": "1",
        "crosswalk_ids": "1",
        "crosswalk_entities": "1",
    }


def test_further_predicates_count_when_asked(crosswalk):
    found = xrefs(crosswalk(predicates=["skos:broadMatch", "skos:exactMatch"]))
    assert found["A:2"] == ("X:2", "mesh:D4")


def test_prefixes_are_rewritten_on_both_sides(crosswalk):
    rows = "b:1\tskos:exactMatch\tmesh:D1\t\nUMLS:A:2\tskos:exactMatch\tmesh:D2\t\n"
    found = xrefs(crosswalk(HEAD + rows, prefixes={"b": "A", "mesh": "MESH", "UMLS": ""}))
    assert found["A:1"] == ("mesh:D1", "MESH:D1")
    assert found["A:2"] == ("X:2", "MESH:D2")


def test_the_knowledge_bases_ids_may_stand_on_the_object_side(crosswalk):
    rows = "mesh:D7\tskos:exactMatch\tA:2\t\n"
    assert xrefs(crosswalk(HEAD + rows, kb_side="object"))["A:2"] == ("X:2", "mesh:D7")
    found = problem(crosswalk(HEAD + rows))
    assert found.code == "KP447"
    assert "kb_side" in found.fix


def test_crosswalks_in_each_other_lead_over_a_space_that_neither_side_has(crosswalk):
    first = crosswalk(HEAD + "A:2\tskos:exactMatch\tM:1\t\n", "first.tsv")
    second = crosswalk(HEAD + "M:1\tskos:exactMatch\tmesh:D8\t\n", "second.tsv", inner=first)
    assert xrefs(second)["A:2"] == ("X:2", "M:1", "mesh:D8")
    facts = second.metadata()
    assert facts["crosswalk_source"] == "first.tsv"
    assert facts["outer_crosswalk_source"] == "second.tsv"


@pytest.mark.parametrize(
    "line",
    [b"A:1\tskos:exactMatch\n", b"A:1\t\tmesh:D1\t\n", b"A:1\tskos:exactMatch\t\xff\t\n"],
)
def test_a_malformed_line_is_an_error_with_its_number_or_counted(crosswalk, line):
    content = (HEAD + ROWS).encode() + line
    found = problem(crosswalk(content))
    assert found.code == "KP445"
    assert found.where.endswith(f"m.sssom.tsv:{len(content.splitlines())}")
    lenient = crosswalk(content, on_bad_line="skip")
    assert xrefs(lenient) == xrefs(crosswalk())
    assert lenient.metadata()["crosswalk_malformed_lines"] == "1"


@pytest.mark.parametrize(
    "content", ["", "# only: comments\n", "subject_id\tobject_id\n", f"{HEAD.strip()}\tobject_id\n"]
)
def test_a_file_without_the_columns_is_an_error(crosswalk, content):
    assert problem(crosswalk(content)).code == "KP445"


@pytest.mark.parametrize(("pack", "suffix"), [(gzip.compress, "gz"), (bz2.compress, "bz2")])
def test_packed_files_read_the_same_and_truncated_ones_are_errors(crosswalk, pack, suffix):
    packed = pack((HEAD + ROWS).encode())
    assert xrefs(crosswalk(packed, f"m.tsv.{suffix}")) == xrefs(crosswalk())
    assert problem(crosswalk(packed[:-9], f"cut.tsv.{suffix}")).code == "KP446"


def test_a_store_finds_an_entity_by_an_id_of_the_other_side(crosswalk, tmp_path):
    store = build_store(crosswalk(), tmp_path / "store", "kb", Context(scratch=tmp_path))
    assert store.entity_ids[store.row("mesh:D3")] == "A:3"
    assert store.row("mesh:D2") is None
    assert store.metadata["crosswalk_mappings"] == "5"


@pytest.mark.skipif(not MONDO.is_dir(), reason=f"MONDO's mappings are not at {MONDO}")
@pytest.mark.parametrize("space", ["mesh", "umls", "omim"])
def test_counts_of_mondos_mappings_are_those_of_a_plain_count(crosswalk, space):
    path = MONDO / f"mondo_exactmatch_{space}.sssom.tsv.gz"
    content = gzip.decompress(path.read_bytes())
    lines = [line for line in content.decode().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines, delimiter="\t"))
    subjects = defaultdict(set)
    for row in rows:
        subjects[row["object_id"]].add(row["subject_id"])

    class Diseases(Given):
        def entities(self):
            yield from map(Entity, sorted({row["subject_id"] for row in rows}))

    provider = crosswalk(content, inner=Diseases(None, Context()))
    list(provider.entities())
    facts = provider.metadata()
    single = sum(len(owners) == 1 for owners in subjects.values())
    assert int(facts["crosswalk_mappings"]) == len(rows) > 8_000
    assert int(facts["crosswalk_ids"]) == single
    assert int(facts["crosswalk_ambiguous_ids"]) == len(subjects) - single
    assert facts["crosswalk_unknown_ids"] == "0"


def test_a_line_behind_the_column_names_is_no_comment(crosswalk):
    lines = HEAD + "#A:1\tskos:exactMatch\tmesh:D1\n" + ROWS
    found = problem(crosswalk(lines))
    assert (found.code, found.where.endswith(":4")) == ("KP445", True)
    provider = crosswalk(lines, on_bad_line="skip")
    assert xrefs(provider)
    assert provider.metadata()["crosswalk_malformed_lines"] == "1"


def test_a_quoted_field_without_end_is_a_malformed_line(crosswalk):
    found = problem(crosswalk(HEAD + '"' + "x" * 200_000 + "\n" + ROWS))
    assert (found.code, found.where.endswith(":4")) == ("KP445", True)


def test_a_line_too_long_to_hold_is_an_error_with_its_place(crosswalk, monkeypatch):
    monkeypatch.setattr("kpframework.api.files._BLOCK", 10)
    monkeypatch.setattr("kpframework.api.files._LONGEST", 500)
    found = problem(crosswalk(HEAD + "x" * 600))
    assert (found.code, "a line is longer" in found.message) == ("KP446", True)
    assert found.where.endswith(f"m.sssom.tsv:{HEAD.count(chr(10)) + 1}")
