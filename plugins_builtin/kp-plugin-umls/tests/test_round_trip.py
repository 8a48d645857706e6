"""What is read, against the raw files: split at each | and counted by SQLite alone."""

# ruff: noqa: S608 -- the queries are ours

import sqlite3
import subprocess
import sys

import pytest
from kp_plugin_umls.made_up import LAYOUT
from kp_plugin_umls.synthetic import write

from kpframework.api import Triple


@pytest.fixture(scope="module")
def raw(made_up):
    base = sqlite3.connect(":memory:")
    for name in ("MRCONSO", "MRSTY", "MRDEF", "MRREL", "MRCUI"):
        columns = LAYOUT[f"{name}.RRF"]
        base.execute(f"create table {name} ({', '.join(columns)})")
        marks = ",".join("?" * len(columns))
        lines = (made_up / f"{name}.RRF").read_text(encoding="utf-8").split("\n")[:-1]
        fields = [line.split("|")[:-1] for line in lines]
        base.executemany(f"insert into {name} values ({marks})", fields)
    yield base
    base.close()


@pytest.fixture(scope="module")
def one(raw):
    return lambda query: raw.execute(query).fetchone()[0]


READ = "LAT = 'ENG' and SUPPRESS = 'N'"
LABEL = "case RELA when '' then REL else RELA end"


def test_every_concept_name_type_and_definition_is_there(made_up, provider, one):
    entities = list(provider(made_up).entities())
    names = sum(1 + len(entity.aliases) for entity in entities)
    assert len(entities) == one(f"select count(distinct CUI) from MRCONSO where {READ}") == 600
    assert names == one(
        f"select count(*) from (select distinct CUI, STR from MRCONSO where {READ})"
    )
    assert sum(len(entity.types) for entity in entities) == one("select count(*) from MRSTY")
    assert sum(bool(entity.description) for entity in entities) == one(
        "select count(distinct CUI) from MRDEF where SUPPRESS = 'N'"
    )


def test_names_are_the_preferred_ones_of_the_metathesaurus(made_up, provider, raw):
    preferred = dict(
        raw.execute(
            f"select CUI, STR from MRCONSO where {READ} and ISPREF='Y' and TS='P' and STT='PF'"
        )
    )
    made = provider(made_up)
    assert {entity.id: entity.name for entity in made.entities()} == preferred
    assert made.metadata()["concepts_without_preferred_name"] == "0"


def test_triples_are_those_of_the_rows_from_second_concept_to_first(made_up, provider, raw):
    expected = sorted(
        raw.execute(
            f"select CUI2, {LABEL}, CUI1 from MRREL "
            "where SUPPRESS='N' and CUI1 <> CUI2 and REL <> 'XR'"
        )
    )
    made = provider(made_up)
    assert sorted((t.head, t.relation, t.tail) for t in made.triples()) == expected
    assert len(expected) > 5_000
    facts = made.metadata()
    left_out = sum(int(n) for key, n in facts.items() if key.startswith("relation_rows"))
    assert left_out + len(expected) == raw.execute("select count(*) from MRREL").fetchone()[0]


@pytest.mark.parametrize(
    ("options", "concepts", "relations"),
    [
        ({"sources": ["MSH", "NCI"]}, "SAB in ('MSH', 'NCI')", "SAB in ('MSH', 'NCI')"),
        ({"without_sources": ["MTH"]}, "SAB <> 'MTH'", "SAB <> 'MTH'"),
        ({"restriction_levels": [9]}, "SRL = '9'", "SAB = 'SNOMEDCT_US'"),
        (
            {"types": ["T191"]},
            "CUI in (select CUI from MRSTY where TUI = 'T191')",
            "CUI1 in (select CUI from MRSTY where TUI = 'T191') and "
            "CUI2 in (select CUI from MRSTY where TUI = 'T191')",
        ),
        ({"relations": ["isa", "RB"]}, "1", "(RELA = 'isa' or REL = 'RB')"),
        ({"asserted_only": True}, "1", "DIR <> 'N'"),
    ],
)
def test_a_filter_keeps_what_a_query_keeps(made_up, provider, one, options, concepts, relations):
    made = provider(made_up, **options)
    names = sum(1 + len(entity.aliases) for entity in made.entities())
    assert names == one(
        f"select count(*) from (select distinct CUI, STR from MRCONSO where {READ} and {concepts})"
    )
    known = f"(select CUI from MRCONSO where {READ} and {concepts})"
    assert len(list(made.triples())) == one(
        f"select count(*) from MRREL where SUPPRESS = 'N' and CUI1 <> CUI2 and REL <> 'XR' and "
        f"{relations} and CUI1 in {known} and CUI2 in {known}"
    )


def test_gzipped_files_give_the_same(tmp_path, made_up, provider):
    write(tmp_path, 600, packed=True)
    packed, plain = provider(tmp_path / "META"), provider(made_up)
    assert list(packed.entities()) == list(plain.entities())
    assert list(packed.triples()) == list(plain.triples())


def test_files_that_are_not_in_order_give_the_same_entities(
    tmp_path, made_up, provider, monkeypatch
):
    mixed = tmp_path / "META"
    mixed.mkdir()
    for path in made_up.iterdir():
        content = path.read_bytes()
        if path.name in ("MRCONSO.RRF", "MRSTY.RRF", "MRDEF.RRF"):
            lines = content.splitlines(keepends=True)
            content = b"".join(lines[1::2] + lines[::2])
        (mixed / path.name).write_bytes(content)
    monkeypatch.setattr("kpframework.api.grouping._RUN", 10_000)
    monkeypatch.setattr("kp_plugin_umls.rrf._BLOCK", 8_000)
    found, expected = list(provider(mixed).entities()), list(provider(made_up).entities())
    assert [e.id for e in found] == [e.id for e in expected]
    for one, other in zip(found, expected, strict=True):
        assert (one.name, sorted(one.aliases)) == (other.name, sorted(other.aliases))
        assert (sorted(one.types), one.xrefs) == (sorted(other.types), other.xrefs)
        assert bool(one.description) == bool(other.description)
    assert not list((tmp_path / "scratch").iterdir())


def test_small_blocks_give_the_same(made_up, provider, monkeypatch):
    whole = provider(made_up)
    expected = list(whole.entities()), list(whole.triples())
    monkeypatch.setattr("kp_plugin_umls.rrf._BLOCK", 2_000)
    parts = provider(made_up)
    assert (list(parts.entities()), list(parts.triples())) == expected


def test_the_generator_is_a_command_and_gives_equal_bytes(tmp_path, made_up):
    command = [sys.executable, "-m", "kp_plugin_umls.synthetic", str(tmp_path), "--concepts=600"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "MRSTY.RRF 667" in done.stdout
    for path in made_up.iterdir():
        assert (tmp_path / "META" / path.name).read_bytes() == path.read_bytes()


def test_the_generator_describes_its_files_as_they_are(made_up):
    listing = (made_up / "MRFILES.RRF").read_text(encoding="utf-8").splitlines()
    rows = {line.split("|")[0]: line.split("|") for line in listing}
    assert set(rows) == {path.name for path in made_up.glob("*.RRF")}
    for name, row in rows.items():
        lines = (made_up / name).read_text(encoding="utf-8").splitlines()
        assert len(lines) == int(row[4])
        assert {line.count("|") for line in lines} == {int(row[3])}


def test_a_triple_read_again_is_the_same(made_up, provider):
    made = provider(made_up)
    first, counts = list(made.triples()), made.metadata()
    assert list(made.triples()) == first
    assert made.metadata() == counts
    assert all(isinstance(triple, Triple) for triple in first)
