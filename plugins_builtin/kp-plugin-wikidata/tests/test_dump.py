import bz2
import gzip
import json
import lzma
import sys
from collections import Counter

import pytest
from pydantic import ValidationError

from kpframework import KpError
from kpframework.api import Triple


def item_value(item):
    number = int(item[1:])
    return {
        "type": "wikibase-entityid",
        "value": {"entity-type": "item", "numeric-id": number, "id": item},
    }


def statement(property_, value, rank="normal", kind="item"):
    data = item_value(value) if kind == "item" else {"type": "string", "value": value}
    snak = {"snaktype": "value", "property": property_, "datavalue": data}
    return {"mainsnak": snak, "type": "statement", "rank": rank}


def record(own, label=None, claims=(), **more):
    grouped = {}
    for made in claims:
        grouped.setdefault(made["mainsnak"]["property"], []).append(made)
    labels = {} if label is None else {"en": {"language": "en", "value": label}}
    kind = "property" if own.startswith("P") else "item"
    return {"type": kind, "id": own, "labels": labels, "claims": grouped or [], **more}


def dump(records):
    return "[\n" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "\n]\n"


DISEASE, DRUG = "Q12136", "Q12140"
RECORDS = [
    record("P2176", "drug used for treatment"),
    record("P31", "instance of"),
    record(
        "Q1",
        "asthma",
        [
            statement("P31", DISEASE),
            statement("P2176", "Q2", "preferred"),
            statement("P2176", "Q3"),
            statement("P2176", "Q4", "deprecated"),
            statement("P2892", "C0004096", kind="string"),
            {"mainsnak": {"snaktype": "somevalue", "property": "P828"}, "rank": "normal"},
        ],
        aliases={"en": [{"language": "en", "value": "bronchial asthma"}]},
        descriptions={"en": {"language": "en", "value": "a disease"}},
    ),
    record("Q2", "salbutamol", [statement("P31", DRUG), statement("P2176", "Q99")]),
    record(
        "Q3",
        None,
        [statement("P31", DRUG)],
        labels={
            "de": {"language": "de", "value": "Theophyllin"},
            "mul": {"language": "mul", "value": "theophyllinum"},
        },
        descriptions=[],
    ),
    record("Q4", None, [statement("P31", DRUG)]),
    {"type": "lexeme", "id": "L1", "lemmas": {}},
]


@pytest.fixture
def path(write):
    return write("dump.json", dump(RECORDS))


def test_items_have_names_aliases_descriptions_classes_and_identifiers(provider, path):
    made = provider("wikidata-dump", path=path, xrefs={"P2892": "UMLS"})
    asthma, *others = made.entities()
    assert (asthma.name, asthma.aliases, asthma.description, asthma.types, asthma.xrefs) == (
        "asthma",
        ("bronchial asthma",),
        "a disease",
        (DISEASE,),
        ("UMLS:C0004096",),
    )
    assert [entity.name for entity in others] == ["salbutamol", "theophyllinum", ""]
    assert made.metadata()["records_of_other_kinds"] == "1"


def test_languages_are_tried_in_turn_and_all_give_aliases(provider, path):
    made = provider("wikidata-dump", path=path, languages=["de", "mul"])
    third = list(made.entities())[2]
    assert (third.name, third.aliases) == ("Theophyllin", ("theophyllinum",))


def test_deprecated_statements_and_values_that_are_not_known_are_no_triples(provider, path):
    made = provider("wikidata-dump", path=path, properties=["P2176"])
    assert list(made.triples()) == [Triple("Q1", "P2176", "Q2"), Triple("Q1", "P2176", "Q3")]
    assert made.metadata()["triples_to_no_entity"] == "1"


def test_the_best_rank_leaves_out_normal_statements_beside_preferred_ones(provider, path):
    made = provider("wikidata-dump", path=path, properties=["P2176"], ranks="best")
    assert list(made.triples()) == [Triple("Q1", "P2176", "Q2")]


def test_tails_that_are_no_entity_come_where_they_are_asked_for(provider, path):
    made = provider("wikidata-dump", path=path, properties=["P2176"], tails="any")
    assert Triple("Q2", "P2176", "Q99") in list(made.triples())


def test_classes_choose_the_items(provider, path):
    made = provider("wikidata-dump", path=path, types=[DRUG])
    assert [entity.id for entity in made.entities()] == ["Q2", "Q3", "Q4"]
    assert list(made.triples()) == []
    assert made.metadata()["items_of_other_types"] == "1"


def test_items_without_a_label_can_be_left_out(provider, path):
    made = provider("wikidata-dump", path=path, labelled_only=True)
    assert [entity.id for entity in made.entities()] == ["Q1", "Q2", "Q3"]
    assert made.metadata()["items_without_label"] == "1"


def test_relations_can_be_called_by_their_labels(provider, write):
    shared = [record("P1", "part of"), record("P2", "part of"), *RECORDS]
    path = write("d.json", dump([*shared, record("Q5", "x", [statement("P2", "Q1")])]))
    made = provider("wikidata-dump", path=path, relations="label", properties=["P2", "P2176"])
    assert {t.relation for t in made.triples()} == {"part of (P2)", "drug used for treatment"}


def test_an_old_dump_gives_items_by_their_number(provider, write):
    old = statement("P31", DISEASE)
    del old["mainsnak"]["datavalue"]["value"]["id"]
    made = provider("wikidata-dump", path=write("d.json", dump([record("Q1", "a", [old])])))
    assert next(made.entities()).types == (DISEASE,)


@pytest.mark.parametrize(
    ("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)]
)
def test_packed_dumps_read_the_same_and_truncated_ones_are_an_error(
    provider, write, path, suffix, pack
):
    content = dump(RECORDS).encode()
    packed = pack(content[:100]) + pack(content[100:])  # as parallel packers write it
    whole, plain = (
        provider("wikidata-dump", path=p) for p in (write(f"whole.json{suffix}", packed), path)
    )
    assert list(whole.entities()) == list(plain.entities())
    assert list(whole.triples()) == list(plain.triples())
    cut = provider(
        "wikidata-dump", path=write(f"cut.json{suffix}", packed[:-9]), on_bad_line="skip"
    )
    with pytest.raises(KpError, match=r"KP491(.|\n)*to its end"):
        list(cut.triples())


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "item", "id": "Q7"',
        b'{"type": "item"}',
        b'"Q7"',
        b'{"type": "item", "id": "Q7", "labels": {"en": "no object"}}',
        b'{"type": "item", "id": "Q7", "claims": {"P1": [{"mainsnak": {}}]}}',
        b'{"type": "item", "id": "X7", "labels": []}',
        b'{"type": "item", "id": "Q1", "labels": []}',
        b'{"id": "Q7"}',
        b'{"type": "item", "id": "Q7", "labels": {"en": {"value": "\xff"}}}',
        b'{"type": "item", "id": "Q7", "labels": {"en": {"value": "\\ud800"}}}',
        b'{"type": "item", "id": "Q7", "labels": {"en": {"value": 7}}}',
        b'{"type": "item", "id": "Q7", "labels": {"en": {"value": null}}}',
        b'{"type": "item", "id": "Q999999999999999", "labels": []}',
        json.dumps(record("Q7", "x", [statement("P1\tQ9", "Q8")])).encode(),
        json.dumps(record("Q7", "x", [statement("P1\nQ1\tP1\tQ2", "Q8")])).encode(),
        json.dumps(record("Q7", "x", [statement("P2892", 7, kind="string")])).encode(),
        b'{"id":' * 100_000,
    ],
)
def test_a_malformed_line_is_an_error_with_its_line_or_is_left_out_and_counted(
    provider, write, line
):
    lines = dump(RECORDS).encode().splitlines(keepends=True)
    path = write("d.json", b"".join([*lines[:4], line + b",\n", *lines[4:]]))
    with pytest.raises(KpError, match="KP490") as caught:
        list(provider("wikidata-dump", path=path).triples())
    assert "d.json:5" in str(caught.value)
    made = provider("wikidata-dump", path=path, on_bad_line="skip")
    assert [entity.id for entity in made.entities()] == ["Q1", "Q2", "Q3", "Q4"]
    assert made.metadata()["malformed_d.json"] == "1"


@pytest.mark.parametrize("options", [{"properties": ["P404"]}, {"types": ["Q404"]}])
def test_what_is_asked_for_and_not_there_is_an_error(provider, path, options):
    with pytest.raises(KpError, match=r"KP493(.|\n)*404"):
        list(provider("wikidata-dump", path=path, **options).entities())


@pytest.mark.parametrize("options", [{"properties": ["instance of"]}, {"types": ["P31"]}])
def test_ids_of_another_form_are_refused_in_the_spec(provider, path, options):
    with pytest.raises(ValidationError, match="pattern"):
        provider("wikidata-dump", path=path, **options)


def test_json_alone_reads_the_same(provider, path, monkeypatch):
    expected = list(provider("wikidata-dump", path=path).entities())
    monkeypatch.setitem(sys.modules, "orjson", None)
    assert list(provider("wikidata-dump", path=path).entities()) == expected


def test_a_larger_dump_gives_what_a_plain_count_gives_and_leaves_nothing(provider, write, tmp_path):
    records = [
        record(
            f"Q{i}",
            f"item {i}" if i % 7 else None,
            [
                statement("P31", f"Q{1 + i % 5}"),
                *(
                    statement(f"P{40 + k}", f"Q{(i * k) % 900 + 1}", rank)
                    for k, rank in enumerate(("normal", "preferred", "deprecated"))
                ),
            ],
        )
        for i in range(1, 701)
    ]
    path = write("d.json.bz2", bz2.compress(dump(records).encode()))
    expected, dropped = Counter(), 0
    for line in bz2.decompress(path.read_bytes()).decode().splitlines():
        if line.startswith("{"):
            data = json.loads(line.rstrip(",\n"))
            for group in data["claims"].values():
                for one in group:
                    tail = one["mainsnak"]["datavalue"]["value"]["numeric-id"]
                    if one["rank"] != "deprecated":
                        expected["triples"] += tail <= 700
                        dropped += tail > 700
            expected["named"] += bool(data["labels"])
    made = provider("wikidata-dump", path=path)
    assert len(list(made.triples())) == expected["triples"] > 1_000
    entities = list(made.entities())
    assert (len(entities), sum(bool(e.name) for e in entities)) == (700, expected["named"])
    assert made.metadata()["triples_to_no_entity"] == str(dropped)
    del made
    assert not list((tmp_path / "scratch").iterdir())


def test_a_dump_that_ends_between_two_lines_is_truncated(provider, write):
    lines = dump(RECORDS).splitlines(keepends=True)
    cut = provider("wikidata-dump", path=write("cut.json", "".join(lines[:4])), on_bad_line="skip")
    with pytest.raises(KpError, match=r"KP491(.|\n)*not ended by \]"):
        list(cut.entities())
    bare = provider("wikidata-dump", path=write("bare.json", "".join(lines[1:4])))
    assert [entity.id for entity in bare.entities()] == ["Q1"]


@pytest.mark.parametrize("change", [lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t])
def test_line_ends_of_another_system_and_a_byte_order_mark_read_the_same(
    provider, path, write, change
):
    other = provider("wikidata-dump", path=write("other.json", change(dump(RECORDS))))
    assert list(other.entities()) == list(provider("wikidata-dump", path=path).entities())


def test_an_empty_dump_has_no_entities(provider, write):
    assert list(provider("wikidata-dump", path=write("empty.json", "")).entities()) == []
