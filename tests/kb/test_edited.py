"""An edited knowledge base and an edited table are what stores of the edited content would be."""

from __future__ import annotations

from bisect import bisect_left

import numpy as np
import pytest

from kpframework.api import Context, EmbeddingTable, Entity, KBProvider, Triple
from kpframework.kb.edited import EditedKB
from kpframework.kb.edited_table import EditedTable
from kpframework.kb.ids import SortedIds
from kpframework.kb.merged_ids import MergedIds
from kpframework.kb.store import build_store
from kpframework.kb.table import write_table

ENTITIES = (
    Entity("B", "bee", ("Apis",), (0.9, 0.4), ("insect",), "It flies.", ("UMLS:1",)),
    Entity("D", "dog", ("hound",), (), ("mammal",), "", ("UMLS:2", "MESH:9")),
    Entity("F", "fly", (), (), ("insect",), "", ("UMLS:1",)),
    Entity("H", "horse"),
)
TRIPLES = (
    Triple("B", "stings", "D"),
    Triple("D", "chases", "H"),
    Triple("F", "annoys", "H"),
    Triple("H", "kicks", "D"),
)
PUT = {
    "C": Entity("C", "cat", ("Felis",), (), ("mammal",), "It purrs.", ("UMLS:3",)),
    "D": Entity("D", "dog", ("Canis",), (0.7, 0.2), ("mammal",), "", ("UMLS:2",)),
    "Z": Entity("Z", "Zebra", ("horse",)),
}
EXTRA = (Triple("C", "bites", "D"), Triple("D", "chases", "C"), Triple("Z", "kicks", "D"))


class Given(KBProvider):
    def __init__(self, entities, triples):
        super().__init__(None, Context())
        self.content = entities, triples

    def entities(self):
        return iter(self.content[0])

    def triples(self):
        return iter(self.content[1])

    def metadata(self):
        return {"release": "7"}


@pytest.fixture
def store(tmp_path):
    return build_store(Given(ENTITIES, TRIPLES), tmp_path / "kb", "zoo", Context())


@pytest.fixture
def edited(store):
    gone = frozenset({"F"})
    return EditedKB(store, PUT, gone, gone, EXTRA)


@pytest.fixture
def rebuilt(tmp_path):
    """The same content, built from the start."""
    entities = [ENTITIES[0], *PUT.values(), ENTITIES[3]]
    triples = [t for t in TRIPLES if "F" not in (t.head, t.tail)] + list(EXTRA)
    return build_store(Given(entities, triples), tmp_path / "rebuilt", "zoo", Context())


def test_ids_names_and_entities_are_those_of_a_store_of_the_edited_content(edited, rebuilt):
    assert list(edited.entity_ids) == list(rebuilt.entity_ids) == ["B", "C", "D", "H", "Z"]
    assert list(edited.names()) == list(rebuilt.names())
    for entity in (*rebuilt.entity_ids, "UMLS:1", "UMLS:2", "UMLS:3"):
        assert edited.row(entity) == rebuilt.row(entity)
        assert edited.info(entity) == rebuilt.info(entity)
        assert list(edited.outgoing(entity)) == list(rebuilt.outgoing(entity))
    for name in ("HORSE", "felis", "hound", "fly", "canis", "dog"):
        assert edited.find(name) == rebuilt.find(name)
    for absent in ("F", "MESH:9", "nothing"):
        assert edited.row(absent) is None
        with pytest.raises(KeyError):
            edited.info(absent)


def test_triples_as_integers_are_those_of_a_store_of_the_edited_content(edited, rebuilt):
    def told(kb):
        ids, relations = kb.entity_ids, kb.relations
        return [(ids[h], relations[r], ids[t]) for h, r, t in kb.triples.tolist()]

    assert told(edited) == told(rebuilt)
    assert edited.triples[:, ::2].tolist() == rebuilt.triples[:, ::2].tolist()
    assert set(edited.to_networkx().edges) == set(rebuilt.to_networkx().edges)
    assert dict(edited.to_networkx().nodes) == dict(rebuilt.to_networkx().nodes)


def test_written_it_is_that_store_byte_for_byte(edited, rebuilt, tmp_path):
    written = edited.write(tmp_path / "written").folder
    files = sorted(path.name for path in rebuilt.folder.iterdir())
    assert sorted(path.name for path in written.iterdir()) == files
    for name in files:
        assert (written / name).read_bytes() == (rebuilt.folder / name).read_bytes()


def test_the_store_below_an_edit_is_not_written(store, edited, tmp_path):
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    edited.write(tmp_path / "written")
    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before


def test_an_entity_put_in_again_has_none_of_its_old_triples(store):
    kb = EditedKB(store, {"D": PUT["D"]}, frozenset(), frozenset({"D"}), ())
    assert kb.row("D") is not None
    assert list(kb.outgoing("D")) == list(kb.outgoing("H")) == []
    assert len(kb.triples) == 1


def test_what_it_says_of_itself_counts_the_edits(edited):
    said = edited.metadata
    assert (said["release"], said["entities"], said["triples"]) == ("7", "5", "6")
    edits = said["entities_added"], said["entities_changed"], said["entities_removed"]
    assert edits == ("2", "1", "1")


@pytest.mark.parametrize("seed", range(20))
def test_merged_ids_are_the_sorted_ids_of_what_is_left_and_what_came(seed):
    draw = np.random.default_rng(seed)
    pool = [f"{number:03}" for number in draw.permutation(200).tolist()]
    held, added = sorted(pool[: 5 * seed]), pool[5 * seed : 5 * seed + draw.integers(0, 30)]
    removed = [text for text in held if draw.random() < seed / 20]
    merged = MergedIds(SortedIds.of(held, len(held), 3), added, removed)
    expected = sorted(set(held) - set(removed) | set(added))
    assert list(merged) == merged[:] == expected
    assert len(merged) == len(expected)
    wanted = [*pool, "0000", ""]
    places = [bisect_left(expected, text) for text in wanted]
    known = [
        place if place < len(expected) and expected[place] == text else -1
        for text, place in zip(wanted, places, strict=True)
    ]
    assert merged.rows(wanted).tolist() == known
    moved = merged.from_base(np.arange(len(held)))
    assert moved.tolist() == [-1 if t in removed else expected.index(t) for t in held]
    assert expected[-1:] == ([merged[-1]] if expected else [])
    with pytest.raises(IndexError):
        merged[len(expected)]


@pytest.fixture(params=["float16", "float32"])
def table(tmp_path, request):
    vectors = np.random.default_rng(0).normal(size=(4, 3))
    return write_table(
        tmp_path / "table", EmbeddingTable(list("BDFH"), vectors, {"mrr": 0.5}), request.param
    )


def test_rows_of_the_base_keep_their_numbers_and_new_ones_come_after(table):
    drawn = [np.full(3, value, table.dtype) for value in (1, 2, 3)]
    edited = EditedTable(table, {"C": 4, "D": 6}, frozenset({"F"}), drawn)
    assert edited.rows(["B", "C", "D", "F", "H", "?"]).tolist() == [0, 4, 6, -1, 3, -1]
    assert edited.row("D") == 6
    found = edited.gather([6, 0, 5, 4, 1])
    assert found.dtype == np.float32
    assert found[[0, 2, 3], 0].tolist() == [3, 2, 1]
    np.testing.assert_array_equal(found[[1, 4]], table.gather([0, 1]))
    assert list(edited.ids) == ["B", "C", "D", "H"]
    assert (len(edited), edited.dim, edited.rms) == (4, 3, table.rms)
    with pytest.raises(IndexError):
        edited.gather([7])


def test_an_edited_table_is_written_as_an_ordinary_one_with_the_scale_of_its_base(table, tmp_path):
    drawn = [np.full(3, 1e3, table.dtype)]
    edited = EditedTable(table, {"C": 4}, frozenset({"F"}), drawn)
    written = edited.write(tmp_path / "written")
    assert list(written.ids) == ["B", "C", "D", "H"]
    assert written.dtype == table.dtype
    assert (written.rms, written.metrics) == (table.rms, {"mrr": 0.5})
    names = list(written.ids)
    np.testing.assert_array_equal(
        written.gather(written.rows(names)), edited.gather(edited.rows(names))
    )
