import numpy as np
import pyarrow as pa
import pytest
from kp_plugin_umls.cui import Cuis, CuiSet

from kpframework.api import Context, Triple
from kpframework.kb.store import build_store

NAMES = [{"CUI": f"C000000{i}", "STR": f"concept {i}"} for i in (1, 2, 3)]


def retired(old, kind, new):
    return {"CUI1": f"C000001{old}", "REL": kind, "CUI2": f"C000000{new}" if new else ""}


def test_only_a_merge_into_one_concept_leads_on_and_the_rest_is_counted(meta, provider):
    rows = [
        retired(1, "SY", 1),
        retired(1, "SY", 1) | {"VER": "1999AA"},
        retired(2, "RB", 1),
        retired(3, "RN", 1),
        retired(4, "RO", 1),
        retired(5, "DEL", 0),
        retired(6, "SY", 1),
        retired(6, "SY", 2),
        retired(7, "SY", 9),
    ]
    made = provider(meta(MRCONSO=NAMES, MRCUI=rows))
    assert {e.id: e.xrefs for e in made.entities()} == {
        "C0000001": ("C0000011",),
        "C0000002": (),
        "C0000003": (),
    }
    facts = made.metadata()
    assert facts["retired_redirected"] == "1"
    assert facts["retired_ambiguous"] == "1"
    assert facts["retired_into_no_entity"] == "1"
    assert [facts[f"retired_{kind}"] for kind in ("DEL", "RB", "RN", "RO")] == ["1"] * 4


def test_a_relation_of_a_merged_concept_is_one_of_what_it_was_merged_into(meta, provider):
    made = provider(
        meta(
            MRCONSO=NAMES,
            MRCUI=[retired(1, "SY", 1), retired(2, "RB", 2)],
            MRREL=[
                {"CUI1": "C0000011", "RELA": "treats", "CUI2": "C0000003"},
                {"CUI1": "C0000003", "RELA": "treats", "CUI2": "C0000011"},
                {"CUI1": "C0000012", "RELA": "treats", "CUI2": "C0000003"},
                {"CUI1": "C0000011", "RELA": "treats", "CUI2": "C0000001"},
            ],
        )
    )
    assert list(made.triples()) == [
        Triple("C0000003", "treats", "C0000001"),
        Triple("C0000001", "treats", "C0000003"),
    ]
    facts = made.metadata()
    assert facts["relation_rows_redirected"] == "3"
    assert facts["relation_rows_of_no_entity"] == "1"
    assert facts["relation_rows_of_one_concept"] == "1"


def test_merges_are_followed_to_the_living_concept_and_a_circle_leads_nowhere(meta, provider):
    rows = [
        {"CUI1": "C0000011", "REL": "SY", "CUI2": "C0000012"},
        {"CUI1": "C0000012", "REL": "SY", "CUI2": "C0000003"},
        {"CUI1": "C0000021", "REL": "SY", "CUI2": "C0000022"},
        {"CUI1": "C0000022", "REL": "SY", "CUI2": "C0000021"},
    ]
    made = provider(meta(MRCONSO=NAMES, MRCUI=rows))
    assert list(made.entities())[2].xrefs == ("C0000011", "C0000012")
    assert made.metadata()["retired_into_no_entity"] == "2"


def test_a_concept_that_lives_is_not_retired(meta, provider):
    rows = [{"CUI1": "C0000001", "REL": "SY", "CUI2": "C0000002"}]
    made = provider(meta(MRCONSO=NAMES, MRCUI=rows))
    assert [e.xrefs for e in made.entities()] == [(), (), ()]
    assert made.metadata()["retired_living"] == "1"


def test_a_stored_metathesaurus_finds_a_retired_concept(meta, provider, tmp_path):
    made = provider(meta(MRCONSO=NAMES, MRCUI=[retired(1, "SY", 2)]))
    store = build_store(made, tmp_path / "store", "umls", Context())
    assert store.info("C0000011").id == "C0000002"
    assert store.find("CONCEPT 2") == ["C0000002"]
    assert store.metadata["retired_redirected"] == "1"


def test_a_folder_without_history_or_definitions_says_so(meta, provider):
    folder = meta(MRCONSO=NAMES)
    (folder / "MRCUI.RRF").unlink()
    (folder / "MRDEF.RRF").unlink()
    made = provider(folder)
    assert len(list(made.entities())) == 3
    assert made.metadata()["absent"] == "MRDEF.RRF, MRCUI.RRF"


@pytest.mark.parametrize(
    "texts",
    [
        ["C0000001", "C9999999", "C0013395"],
        [
            "C0000001",
            "CL123456",
            "C000000A",
            "C0000001",
            "X",
            "CL123456",
            "c0000001",
            "C\u0661\u0662\u0663",
        ],
        [],
    ],
)
def test_identifiers_have_numbers_and_numbers_their_identifiers(texts):
    cuis = Cuis()
    numbers = cuis.numbers(pa.array(["skip", *texts], pa.string())[1:])
    assert [cuis.text(number) for number in numbers.tolist()] == texts
    assert [cuis.number(text) for text in texts] == numbers.tolist()
    assert len(set(numbers.tolist())) == len(set(texts))


def test_a_set_holds_standard_and_other_numbers():
    one, other = CuiSet(), CuiSet()
    one.add(np.array([3, 9_999_999, 10_000_000, 12_000_000]))
    other.add(np.array([3, 4]))
    assert one.has(np.array([3, 4, 10_000_000, 13_500_000])).tolist() == [True, False, True, False]
    one.keep(other)
    assert (len(one), one.has(np.array([3, 12_000_000])).tolist()) == (1, [True, False])


def test_identifiers_of_another_form_are_concepts_too(meta, provider):
    names = [{"CUI": "C0000001", "STR": "a"}, {"CUI": "CL123456", "STR": "b"}]
    made = provider(
        meta(
            MRCONSO=names,
            MRREL=[{"CUI1": "C0000001", "RELA": "of", "CUI2": "CL123456"}],
            MRCUI=[{"CUI1": "CL000001", "REL": "SY", "CUI2": "CL123456"}],
        )
    )
    assert [(e.id, e.xrefs) for e in made.entities()] == [
        ("C0000001", ()),
        ("CL123456", ("CL000001",)),
    ]
    assert list(made.triples()) == [Triple("CL123456", "of", "C0000001")]
