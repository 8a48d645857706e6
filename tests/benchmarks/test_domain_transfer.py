"""The joining of three ontologies through UMLS ids, on a small fixture and on the real data."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"

SPLITS = ("train", "dev")

MONDO = """# a comment of the crosswalk
subject_id\tsubject_label\tpredicate_id\tobject_id\tmapping_justification
MONDO:1\tchild\tskos:exactMatch\tUMLS:C0000001\tm
MONDO:2\tparent\tskos:exactMatch\tUMLS:C0000002\tm
MONDO:2\tparent\tskos:broadMatch\tUMLS:C0000009\tm
MONDO:3\tbad\tskos:exactMatch\tUMLS:123\tm
"""
EDGES = """id\tsubject\tpredicate\tobject\trelation\tknowledge_source
u1\tMONDO:1\tbiolink:subclass_of\tMONDO:2\tr\tk
u2\tMONDO:1\tbiolink:related_to\tMONDO:2\tr\tk
u3\tMONDO:3\tbiolink:subclass_of\tMONDO:2\tr\tk
"""
XREFS = """id\tlabel\txref
"DOID:1"\t"do child"\t"UMLS_CUI:C0000003"
"DOID:1"\t"do child"\t"UMLS_CUI:C0000004"
"DOID:1"\t"do child"\t"MESH:D000001"
"DOID:2"\t"do parent"\t"UMLS_CUI:C0000002"
"""
TERMS = """id\tlabel\tsubClassOf
"DOID:1"\t"do child"\t"do parent"
"DOID:2"\t"do parent"\t"disease"
"""
OLDER = """sbaseClass,baseLabel,superClass,superLabel
DOID:1,do child,DOID:2,do parent
HP:1,left out,DOID:2,do parent
"""
HPO = """format-version: 1.2

[Term]
id: HP:1
name: long fingers
synonym: "Slender fingers" EXACT layperson []
synonym: "Hands" BROAD []
xref: UMLS:C0000005 {source="x"}
is_a: HP:2 ! fingers
is_a: HP:3 ! itself

[Term]
id: HP:2
name: fingers
xref: UMLS:C0000002

[Term]
id: HP:3
xref: UMLS:C0000005

[Typedef]
id: part_of
is_a: HP:2
"""


def lines(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def script() -> Any:
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import prepare_domain_transfer

        yield prepare_domain_transfer
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))


@pytest.fixture
def biomed(tmp_path: Path) -> Path:
    files = {
        "mondo/mondo_exactmatch_umls.sssom.tsv": MONDO,
        "mondo/mondo-rare_edges.tsv": EDGES,
        "doid/allXREFinDO.tsv": XREFS,
        "doid/HumanDO.tsv": TERMS,
        "doid/doid-subClasses.csv": OLDER,
        "hpo/hp.obo": HPO,
    }
    for name, content in files.items():
        path = tmp_path / f"{name}.gz"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(gzip.compress(content.encode()))
    return tmp_path


def test_three_ontologies_are_joined_where_they_share_a_concept(script, biomed):
    found = script.read_ontologies(biomed)
    one, two, three, four, five = (f"C000000{i}" for i in range(1, 6))
    assert found.triples() == {(own, "is_a", two) for own in (one, three, four, five)}
    assert found.triples("DO") == found.triples("DO, older table")
    assert found.triples("HPO") == {(five, "is_a", two)}, "a term is no kind of itself"


def test_what_is_not_joined_is_counted(script, biomed):
    counts = script.read_ontologies(biomed).counts
    assert counts["codes that are no CUI"] == 1
    assert counts["MONDO edges that are not is-a"] == 1
    assert counts["DO terms whose parent is not in the table"] == 1


def test_a_concept_has_the_names_of_all_its_terms(script, biomed):
    names = script.read_ontologies(biomed).concept_names(["C0000002", "C0000005", "C0000099"])
    assert names == {
        "C0000002": ["do parent", "fingers", "parent"],
        "C0000005": ["long fingers", "Slender fingers"],
    }


def test_leaking_pairs_count_either_way_and_out_of_coverage(script):
    counts = script.Counter()
    triples = [("a", "r", "b"), ("c", "r", "d")]
    script.count_coverage(counts, "x", [("b", "a"), ("c", "d"), ("c", "z")], triples)
    assert counts["x: instances"] == 3
    assert counts["x: leaking pair"] == 2
    assert counts["x: at least one end"] == 0


@pytest.fixture(scope="module")
def prepared(script: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    for part in ("biomed", "fewrel", "wikidata", "no-licence-stated/wiki80-pelt"):
        if not (DATA / part).is_dir():
            pytest.skip(f"{part} is not in {DATA}")
    out = tmp_path_factory.mktemp("domain")
    return out, script.prepare(DATA, out)


def test_the_real_ontologies_join_to_the_known_counts(script, prepared):
    ontologies = script.read_ontologies(DATA / "biomed")
    sources = ("MONDO", "DO, older table", "HPO")
    # The data's own documentation counts MONDO's edges as a relation of their own.
    apart = len(ontologies.triples("MONDO")) + len(ontologies.triples(*sources[1:]))
    concepts = {end for own in ontologies.triples(*sources) for end in own[::2]}
    assert (apart, len(concepts)) == (49_683, 29_100)
    counts = prepared[1]
    assert counts["biomedical triples"] == 48_517
    assert counts["biomedical concepts"] == counts["biomedical concepts with a name"] == 29_284


def test_train_dev_and_test_share_no_relation(prepared):
    out, counts = prepared
    names = json.loads(gzip.decompress((out / "names.json.gz").read_bytes()))
    wiki = json.loads(gzip.decompress((out / "val_wiki.json.gz").read_bytes()))
    tested = {*wiki, *(names[key][0] for key in wiki)}
    labels = {split: {own["label"] for own in lines(out / f"{split}.json")} for split in SPLITS}
    assert not labels["train"] & labels["dev"]
    assert not tested & (labels["train"] | labels["dev"])
    assert (len(labels["train"]), len(labels["dev"])) == (52, 12)
    assert counts["train: instances"] + counts["dev: instances"] == 7_598


def test_the_joined_knowledge_base_has_no_triple_of_an_instance(prepared):
    out, _ = prepared
    pairs = set()
    for name in ("val_wiki", "val_pubmed"):
        records = json.loads(gzip.decompress((out / f"{name}.json.gz").read_bytes()))
        pairs |= {frozenset((r["h"][1], r["t"][1])) for own in records.values() for r in own}
    for name in SPLITS:
        for record in lines(out / f"{name}.json"):
            pairs.add(frozenset((record["head"]["entity"], record["tail"]["entity"])))
    triples = [line.split("\t") for line in (out / "both.tsv").read_text("utf-8").splitlines()]
    assert len(triples) == 265_722
    assert not any(frozenset((head, tail)) in pairs for head, _, tail in triples)


def test_passages_mark_the_mentions_they_link(prepared):
    passages = lines(prepared[0] / "text.jsonl")
    assert len(passages) == 2 * 2_165
    for number, own in enumerate(passages):
        ids = {mention["entity"][0] for mention in own["mentions"]}
        assert ids == {"QC"[number % 2]}, "the domains take turns"
        for mention in own["mentions"]:
            surface = own["text"][mention["start"] : mention["end"]]
            assert surface
            assert surface == surface.strip()
