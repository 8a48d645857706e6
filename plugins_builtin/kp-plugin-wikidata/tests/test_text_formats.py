import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from kpframework import KpError
from kpframework.api import Context, Entity, Triple, grouping
from kpframework.kb.store import build_store

DATA = Path(__file__).parents[3].parent / "shared/data/wikidata"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data/wikidata")
CODEX = [DATA / "codex-m" / f"{split}.txt.gz" for split in ("train", "valid", "test")]
TYPES = DATA / "codex-types" / "entity2types.json.gz"
LABELS = DATA / "codex-types" / "types.json.gz"
RELATIONS = DATA / "codex-types" / "relations.json.gz"


def unpacked(path):
    return gzip.decompress(path.read_bytes()).decode()


@pytest.fixture(scope="module")
def raw():
    """The triples of CoDEx-M, split at tabs."""
    lines = [line for path in CODEX for line in unpacked(path).split("\n")]
    return [tuple(line.split("\t")) for line in lines if line]


@needs_data
def test_codex_m_goes_through_the_store_whole(provider, raw, tmp_path):
    types = json.loads(unpacked(TYPES))
    labels = json.loads(unpacked(LABELS))
    made = provider("codex", triples=CODEX, types=TYPES, type_labels=LABELS)
    store = build_store(made, tmp_path / "store", "codex", Context())
    ends = {end for head, _, tail in raw for end in (head, tail)}
    assert (len(ends), len(raw), len({relation for _, relation, _ in raw})) == (17_050, 206_205, 51)
    assert store.counts["entities"] == len(ends)
    assert store.counts["triples"] + store.counts["duplicate_triples"] == len(raw)
    assert store.counts["triples"] == len(set(raw))
    assert list(store.relations) == sorted({relation for _, relation, _ in raw})
    expected = sum(len({labels[kind]["label"] for kind in types.get(end, ())}) for end in ends)
    assert sum(len(entity.types) for entity in store.entities()) == expected > 20_000
    degree = Counter(head for head, _, _ in set(raw))
    for head, count in degree.most_common(5):
        assert len(list(store.outgoing(head))) == count


@needs_data
def test_codex_relations_are_called_by_their_labels(provider, raw):
    labels = json.loads(unpacked(RELATIONS))
    made = provider("codex", triples=CODEX[1:], relations=RELATIONS)
    found = Counter(triple.relation for triple in made.triples())
    assert found == Counter(labels[relation]["label"] for _, relation, _ in raw[-20_621:])


@needs_data
def test_wikidata5m_triples_have_the_layout_of_codex(provider, raw):
    made = provider("wikidata5m", triples=CODEX)
    assert [(t.head, t.relation, t.tail) for t in made.triples()] == raw


@needs_data
def test_an_openke_folder_made_of_codex_m_gives_the_same_triples(provider, raw, tmp_path):
    entities = {end: None for head, _, tail in raw for end in (head, tail)}
    numbers = {name: number for number, name in enumerate(sorted(entities))}
    relations = {name: number for number, name in enumerate(sorted({r for _, r, _ in raw}))}
    for name, table in (("entity2id", numbers), ("relation2id", relations)):
        lines = [f"{key}\t{number}\n" for key, number in table.items()]
        (tmp_path / f"{name}.txt").write_text(f"{len(lines)}\n" + "".join(lines[::-1]))
    lines = [f"{numbers[h]} {numbers[t]} {relations[r]}\n" for h, r, t in raw]
    (tmp_path / "train2id.txt").write_text(f"{len(lines)}\n" + "".join(lines))
    made = provider("openke", folder=tmp_path, splits=["train"])
    assert [(t.head, t.relation, t.tail) for t in made.triples()] == raw
    assert [entity.id for entity in made.entities()] == sorted(entities)


def test_codex_entities_have_labels_and_those_of_other_sizes_are_left_out(provider, write):
    made = provider(
        "codex",
        triples=[write("t.txt", "Q1\tP1\tQ2\nQ2\tP2\tQ1\n")],
        entities=write(
            "e.json", json.dumps({"Q1": {"label": "one", "description": "first"}, "Q9": {}})
        ),
        types=write("y.json", json.dumps({"Q1": ["Q5", "Q6"], "Q9": ["Q5"]})),
        type_labels=write("l.json", json.dumps({"Q5": {"label": "human"}})),
        relations=write("r.json", json.dumps({"P1": {"label": "of"}, "P2": {"label": "of"}})),
    )
    assert list(made.entities()) == [
        Entity("Q1", "one", types=("human", "Q6"), description="first"),
        Entity("Q2"),
    ]
    assert list(made.triples()) == [Triple("Q1", "of (P1)", "Q2"), Triple("Q2", "of (P2)", "Q1")]


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "",
        "[]",
        '{"Q1": "label"}',
        '{"Q1": {"label": 3}}',
        '{"Q1": ["a list of types"]}',
        '{"Q1": {"label": "one"}, "Q1": {"label": "two"}}',
        '{"Q1": {"label": "\\ud800"}}',
        "[" * 100_000,
        "\xff",
    ],
)
def test_codex_tables_of_another_form_are_an_error(provider, write, content):
    path = write("e.json", content.encode("latin-1"))
    made = provider("codex", triples=[write("t.txt", "Q1\tP1\tQ2\n")], entities=path)
    with pytest.raises(KpError, match="KP490") as caught:
        list(made.entities())
    assert "e.json" in str(caught.value)


@pytest.mark.parametrize("name", ["codex", "wikidata5m"])
@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"Q1\tP1", "2 columns instead of 3"),
        (b"Q1 P1 Q2", "1 columns"),
        (b"Q1\t\tQ2", "the relation is empty"),
        (b"", "1 columns"),
        (b"Q1\tP1\tQ\xff", "not UTF-8"),
    ],
)
def test_a_malformed_triple_is_an_error_with_its_line_or_is_counted(
    provider, write, name, line, said
):
    path = write("t.txt", b"Q1\tP1\tQ2\n" + line + b"\nQ3\tP1\tQ4\n")
    with pytest.raises(KpError, match=r"KP490(.|\n)*t\.txt:2") as caught:
        list(provider(name, triples=[path]).triples())
    assert said in str(caught.value)
    made = provider(name, triples=[path], on_bad_line="skip")
    assert [triple.head for triple in made.triples()] == ["Q1", "Q3"]
    assert made.metadata()["malformed_t.txt"] == "1"


@pytest.mark.parametrize("run", [1 << 26, 100])
def test_names_and_texts_are_joined_whatever_their_order(provider, write, monkeypatch, run):
    monkeypatch.setattr(grouping, "_RUN", run)
    monkeypatch.setattr("kp_plugin_wikidata.wikidata5m._BATCH", 7)
    count = 60
    names = [f"Q{i}\tname {i}\talias {i}\tname {i}\n" for i in range(count) if i % 3]
    texts = [f"Q{i}\tText of {i}.\tMore.\n" for i in range(count) if i % 2]
    made = provider(
        "wikidata5m",
        triples=[write("t.txt", "Q1\tP1\tQ2\n")],
        names=write("n.txt", "".join(names[::-1])),
        text=write("x.txt", "".join(texts)),
    )
    found = {entity.id: entity for entity in made.entities()}
    assert list(found) == sorted(f"Q{i}" for i in range(count) if i % 3 or i % 2)
    for i in range(count):
        if f"Q{i}" in found:
            entity = found[f"Q{i}"]
            assert entity.name == (f"name {i}" if i % 3 else "")
            assert entity.aliases == ((f"alias {i}",) if i % 3 else ())
            assert entity.description == (f"Text of {i}.\tMore." if i % 2 else "")


def test_wikidata5m_relations_can_be_called_by_their_names(provider, write):
    made = provider(
        "wikidata5m",
        triples=[write("t.txt", "Q1\tP31\tQ2\nQ1\tP99\tQ2\n")],
        relation_names=write("r.txt", "P31\tinstance of\tis a\n"),
    )
    assert [triple.relation for triple in made.triples()] == ["instance of", "P99"]


def test_a_malformed_line_of_names_is_an_error_with_its_line(provider, write):
    triples = [write("t.txt", "Q1\tP1\tQ2\n")]
    path = write("n.txt", "Q1\tone\nQ2\n")
    with pytest.raises(KpError, match=r"KP490(.|\n)*n\.txt:2"):
        list(provider("wikidata5m", triples=triples, names=path).entities())
    made = provider("wikidata5m", triples=triples, names=path, on_bad_line="skip")
    assert [entity.id for entity in made.entities()] == ["Q1"]
    assert made.metadata()["malformed_n.txt"] == "1"


def test_a_truncated_file_is_an_error(provider, write):
    path = write("t.txt.gz", gzip.compress(b"Q1\tP1\tQ2\n" * 1_000)[:-20])
    with pytest.raises(KpError, match="KP491"):
        list(provider("wikidata5m", triples=[path], on_bad_line="skip").triples())


@pytest.mark.parametrize("name", ["codex", "wikidata5m"])
def test_lines_left_out_of_files_of_one_name_are_counted_together(provider, tmp_path, name):
    paths = [tmp_path / folder / "t.txt" for folder in ("one", "two")]
    for path, bad in zip(paths, ("x\n", "y\nz\n"), strict=True):
        path.parent.mkdir()
        path.write_text("Q1\tP1\tQ2\r\n" + bad)
    made = provider(name, triples=paths, on_bad_line="skip")
    assert list(made.triples()) == [Triple("Q1", "P1", "Q2")] * 2
    assert made.metadata()["malformed_t.txt"] == "3"


@pytest.mark.parametrize("name", ["codex", "wikidata5m"])
def test_an_empty_file_has_no_triples(provider, write, name):
    assert list(provider(name, triples=[write("t.txt", "")]).triples()) == []


def test_what_a_second_line_says_of_the_same_is_counted(provider, write):
    made = provider(
        "wikidata5m",
        triples=[write("t.txt", "Q1\tP1\tQ2\n")],
        text=write("x.txt", "Q1\tone\nQ1\ttwo\nQ1\tone\n"),
        relation_names=write("r.txt", "P1\tfirst\nP1\tsecond\n"),
    )
    assert [entity.description for entity in made.entities()] == ["one"]
    assert [triple.relation for triple in made.triples()] == ["first"]
    facts = made.metadata()
    assert (facts["further_texts"], facts["further_relation_names"]) == ("1", "1")


def test_a_line_too_long_to_hold_is_an_error_with_its_place(provider, write, monkeypatch):
    monkeypatch.setattr("kpframework.api.files._BLOCK", 10)
    monkeypatch.setattr("kpframework.api.files._LONGEST", 500)
    path = write("t.txt", b"Q1\tP1\tQ2\n" + b"Q" * 600)
    with pytest.raises(KpError, match=r"KP491(.|\n)*t\.txt:2(.|\n)*a line is longer"):
        list(provider("codex", triples=[path]).triples())
