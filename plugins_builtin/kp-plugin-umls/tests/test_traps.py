"""Each trap that readers of the Metathesaurus have fallen into."""

import json
import subprocess
import sys

import pytest
from kp_plugin_umls.made_up import LAYOUT

from kpframework import KpError
from kpframework.api import Triple

DYSPEPSIA, CANCER = "C0013395", "C0278701"
TWO = [{"CUI": DYSPEPSIA, "STR": "Dyspepsia"}, {"CUI": CANCER, "STR": "Gastric adenocarcinoma"}]


def only(made):
    (entity,) = made.entities()
    return entity


def test_a_relation_goes_from_the_second_concept_to_the_first(meta, provider):
    rows = [{"CUI1": DYSPEPSIA, "RELA": "disease_may_have_finding", "CUI2": CANCER}]
    made = provider(meta(MRCONSO=TWO, MRREL=rows))
    assert list(made.triples()) == [Triple(CANCER, "disease_may_have_finding", DYSPEPSIA)]


def test_a_relation_without_rela_is_called_by_its_rel(meta, provider):
    rows = [{"CUI1": DYSPEPSIA, "REL": "PAR", "CUI2": CANCER}]
    made = provider(meta(MRCONSO=TWO, MRREL=rows))
    assert list(made.triples()) == [Triple(CANCER, "PAR", DYSPEPSIA)]


def test_suppressed_names_and_other_languages_are_not_read_unless_asked_for(meta, provider):
    folder = meta(
        MRCONSO=[
            {"CUI": "C1", "STR": "old", "SUPPRESS": "O", "TS": "S"},
            {"CUI": "C1", "STR": "new"},
            {"CUI": "C1", "STR": "nuevo", "LAT": "SPA"},
            {"CUI": "C2", "STR": "sólo", "LAT": "SPA"},
        ]
    )
    assert only(provider(folder)).aliases == ()
    assert only(provider(folder, suppress=["N", "O"])).aliases == ("old",)
    both = list(provider(folder, languages=["SPA", "ENG"]).entities())
    assert [(e.name, e.aliases) for e in both] == [("nuevo", ("new",)), ("sólo", ())]


def test_the_name_has_all_three_flags_wherever_it_stands(meta, provider):
    names = [
        {"CUI": "C1", "STR": "not preferred in its string", "ISPREF": "N"},
        {"CUI": "C1", "STR": "a variant form", "STT": "VO"},
        {"CUI": "C1", "STR": "not of the preferred term", "TS": "S"},
        {"CUI": "C1", "STR": "the name"},
        {"CUI": "C1", "STR": "a variant form"},
    ]
    entity = only(provider(meta(MRCONSO=names)))
    assert entity.name == "the name"
    assert entity.aliases == tuple(name["STR"] for name in names[:3])


def test_columns_are_where_the_listing_says_they_are(meta, provider):
    turned = {name: tuple(reversed(columns)) for name, columns in LAYOUT.items()}
    rows = {
        "MRCONSO": TWO,
        "MRSTY": [{"CUI": DYSPEPSIA, "TUI": "T184", "STY": "Sign or Symptom"}],
        "MRDEF": [{"CUI": DYSPEPSIA, "DEF": "Impaired digestion."}],
        "MRREL": [{"CUI1": DYSPEPSIA, "RELA": "r", "CUI2": CANCER}],
        "MRCUI": [{"CUI1": "C0000001", "REL": "SY", "CUI2": CANCER}],
    }
    usual, other = provider(meta(**rows)), provider(meta(turned, "turned", **rows))
    assert list(usual.entities()) == list(other.entities())
    assert list(usual.triples()) == list(other.triples())
    assert next(iter(other.entities())).types == ("Sign or Symptom",)


def test_a_type_is_asked_for_by_tui_or_by_name_and_shown_as_either(meta, provider):
    folder = meta(
        MRCONSO=TWO,
        MRSTY=[
            {"CUI": DYSPEPSIA, "TUI": "T184", "STY": "Sign or Symptom"},
            {"CUI": CANCER, "TUI": "T191", "STY": "Neoplastic Process"},
        ],
    )
    for asked in ("T184", "Sign or Symptom"):
        assert only(provider(folder, types=[asked])).id == DYSPEPSIA
    assert only(provider(folder, types=["T191"], type_labels="tui")).types == ("T191",)


def test_listing_and_columns_that_disagree_are_an_error(meta, provider):
    folder = meta(MRCONSO=TWO)
    with (folder / "MRFILES.RRF").open("a", encoding="utf-8") as listing:
        listing.write("MRCOLS.RRF||COL,DES,REF,MIN,AV,MAX,FIL,DTY|8|2|0|\n")
    (folder / "MRCOLS.RRF").write_text("CUI||||||MRSTY.RRF||\nTYPE||||||MRSTY.RRF||\n", "utf-8")
    with pytest.raises(KpError, match=r"KP481(.|\n)*MRSTY\.RRF: ATUI, CVF, STN, STY, TUI, TYPE"):
        provider(folder).files()


def test_the_release_is_in_the_metadata_and_so_in_the_lock(made_up, provider, meta, tmp_path):
    assert provider(made_up).metadata()["release"] == "2001XX"
    folder = meta(MRCONSO=TWO)
    assert provider(folder, release="2026AA").metadata()["release"] == "2026AA"
    (tmp_path / "release.dat").write_text("umls.release.date=1\numls.release.name=2025AB\n")
    assert provider(folder).metadata()["release"] == "2025AB"
    assert "License" in provider(folder).metadata()["licence"]


def test_the_release_is_read_from_the_documentation_where_release_dat_is_missing(
    tmp_path, made_up, provider
):
    folder = tmp_path / "META"
    folder.mkdir()
    for path in made_up.glob("*.RRF"):
        (folder / path.name).write_bytes(path.read_bytes())
    assert provider(folder).metadata()["release"] == "2001XX"


def test_vocabularies_that_are_not_chosen_leave_no_name_definition_or_relation(meta, provider):
    folder = meta(
        MRCONSO=[
            {"CUI": "C1", "STR": "restricted name", "SAB": "SNOMEDCT_US", "SRL": "9"},
            {"CUI": "C1", "STR": "free name", "TS": "S"},
            {"CUI": "C2", "STR": "restricted only", "SAB": "SNOMEDCT_US", "SRL": "9"},
            {"CUI": "C3", "STR": "free"},
        ],
        MRDEF=[
            {"CUI": "C1", "DEF": "restricted", "SAB": "SNOMEDCT_US"},
            {"CUI": "C1", "DEF": "free", "SAB": "MSH"},
        ],
        MRREL=[
            {"CUI1": "C1", "CUI2": "C3", "SAB": "SNOMEDCT_US"},
            {"CUI1": "C3", "CUI2": "C1", "SAB": "MSH"},
            {"CUI1": "C3", "CUI2": "C2", "SAB": "MSH"},
        ],
    )
    for options in (
        {"sources": ["MSH"]},
        {"without_sources": ["SNOMEDCT_US"]},
        {"restriction_levels": [0]},
    ):
        made = provider(folder, **options)
        assert list(made.triples()) == [Triple("C1", "RO", "C3")]
        one, three = made.entities()
        assert (one.id, one.name, one.aliases, one.description) == ("C1", "free name", (), "free")
        assert three.id == "C3"
        facts = made.metadata()
        assert facts["sources"] == "MSH (SRL 0)"
        assert facts["concepts_without_preferred_name"] == "1"
        assert facts["relation_rows_of_no_entity"] == "1"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"sources": ["SNOMED_CT"]}, "did you mean SNOMEDCT_US"),
        ({"without_sources": ["MESH"]}, "did you mean MSH"),
        ({"codes": ["HPO"]}, "choose from: MSH"),
        ({"definition_sources": ["NIC"]}, "did you mean NCI"),
        ({"languages": ["EN"]}, "ENG"),
        ({"types": ["Disease or syndrome"]}, "did you mean Disease or Syndrome"),
        ({"restriction_levels": [5]}, "choose from: 0"),
    ],
)
def test_what_is_asked_for_and_not_there_is_an_error_with_the_nearest(
    made_up, provider, options, said
):
    with pytest.raises(KpError, match="KP484") as caught:
        list(provider(made_up, **options).entities())
    assert said in str(caught.value)


@pytest.mark.parametrize("option", ["relations", "without_relations"])
def test_a_relation_that_is_not_there_is_an_error(made_up, provider, option):
    with pytest.raises(KpError, match="KP484") as caught:
        list(provider(made_up, **{option: ["is_a"]}).triples())
    assert "isa" in str(caught.value)


def test_no_relation_at_all_needs_no_relation_file(meta, provider):
    folder = meta(MRCONSO=TWO)
    (folder / "MRREL.RRF").unlink()
    made = provider(folder, relations=[])
    assert list(made.triples()) == []
    assert "MRREL.RRF" not in {path.name for path in made.files()}
    with pytest.raises(KpError, match="KP480"):
        list(provider(folder).triples())


def test_codes_of_vocabularies_are_further_ids(meta, provider):
    names = [
        {"CUI": "C1", "STR": "a", "CODE": "D003920"},
        {"CUI": "C1", "STR": "b", "CODE": "D003920", "TS": "S"},
        {"CUI": "C1", "STR": "c", "CODE": "NOCODE", "TS": "S"},
        {"CUI": "C1", "STR": "d", "CODE": "C7", "SAB": "NCI", "TS": "S"},
    ]
    folder = meta(MRCONSO=names)
    assert only(provider(folder)).xrefs == ()
    assert only(provider(folder, codes=["MSH"])).xrefs == ("MSH:D003920",)


def test_the_definition_is_of_the_vocabulary_wanted_most(meta, provider):
    rows = [
        {"CUI": "C1", "SAB": "NCI", "DEF": "first"},
        {"CUI": "C1", "SAB": "MSH", "DEF": "second"},
        {"CUI": "C1", "SAB": "HPO", "DEF": "gone", "SUPPRESS": "O"},
    ]
    names = [{"CUI": "C1", "STR": "x", "SAB": sab} for sab in ("MSH", "NCI", "HPO")]
    folder = meta(MRCONSO=names, MRDEF=rows)
    assert only(provider(folder)).description == "first"
    assert only(provider(folder, definition_sources=["HPO", "MSH"])).description == "second"
    assert only(provider(folder, definition_sources=["HPO"])).description == ""


def test_a_spec_names_the_folder_and_only_what_is_read_of_it_enters_the_key(
    tmp_path, made_up, monkeypatch
):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "META"
    folder.mkdir()
    for path in made_up.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    spec = {
        "name": "umls",
        "backbone": {"type": "minilm"},
        "knowledge": [
            {
                "id": "umls",
                "kb": {"type": "umls", "meta": "META"},
                "embeddings": {"type": "transe"},
                "linker": {"type": "gazetteer"},
            }
        ],
        "hosts": [{"id": "full", "adaptation": {"type": "full"}}],
        "tasks": [
            {
                "id": "t",
                "type": "entity-typing",
                "data": {"train": "t.jsonl", "dev": "t.jsonl", "test": "test.jsonl"},
            }
        ],
        "injections": [
            {"id": "frozen", "type": "none"},
            {"id": "map", "type": "map-tuning", "train": {"stage": "task"}},
        ],
    }
    (tmp_path / "t.jsonl").write_text(
        '{"text": "x", "start": 0, "end": 1, "labels": ["a"]}\n'
        '{"text": "y", "start": 0, "end": 1, "labels": ["b"]}\n'
    )
    (tmp_path / "test.jsonl").write_text('{"text": "z", "start": 0, "end": 1, "labels": ["a"]}\n')
    (tmp_path / "spec.json").write_text(json.dumps(spec))

    def key():
        command = [sys.executable, "-m", "kpframework", "plan", "spec.json", "--json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return next(s["key"] for s in json.loads(done.stdout)["steps"] if s["name"] == "kb[umls]")

    first = key()
    (folder / "MRSAT.RRF").write_text("not read")
    assert key() == first
    with (folder / "MRDEF.RRF").open("a") as definitions:
        definitions.write("C0100000||||MSH|more|N||\n")
    assert key() != first
