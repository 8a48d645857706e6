import pytest

from kpframework import KpError
from kpframework.api import Context, Entity, KBProvider, Triple
from kpframework.kb import exclusion
from kpframework.kb.store import build_store

TRIPLES = [
    ("a", "r", "b"),
    ("b", "s", "a"),
    ("a", "s", "b"),
    ("a", "r", "c"),
    ("c", "r", "a"),
    ("c", "s", "d"),
]


class Given(KBProvider):
    """A handful of triples."""

    def entities(self):
        yield Entity("a", "A", xrefs=("X:1",))

    def triples(self):
        return (Triple(*triple) for triple in TRIPLES)


@pytest.fixture
def store(tmp_path):
    return build_store(Given(None, Context()), tmp_path / "whole", "given", Context())


def left(store):
    ids, relations = store.entity_ids, store.relations
    return [(ids[h], relations[r], ids[t]) for h, r, t in store.triples.tolist()]


def exclude_triples(store, pairs, folder, match, relations=None, labels=None):
    return exclusion.exclude_triples(store, {"train": pairs}, folder, match, relations, labels)


def counts(store):
    return tuple(store.counts[key] for key in ("excluded", "instances", "leaking_instances"))


def test_pair_drops_every_triple_between_the_ends_either_way(store, tmp_path):
    pairs = [("b", "a", ""), ("a", "d", ""), ("a", "unknown", "")]
    result = exclude_triples(store, pairs, tmp_path / "less", "pair")
    assert left(result) == [("a", "r", "c"), ("c", "r", "a"), ("c", "s", "d")]
    assert counts(result) == (3, 3, 1)
    assert result.counts["triples"] == 3
    assert list(result.entity_ids) == list(store.entity_ids)


def test_exact_drops_the_very_triple_only(store, tmp_path):
    pairs = [("a", "b", "s"), ("b", "a", "r"), ("c", "d", "no such relation")]
    result = exclude_triples(store, pairs, tmp_path / "less", "exact")
    assert sorted(set(TRIPLES) - set(left(result))) == [("a", "s", "b")]
    assert counts(result) == (1, 3, 1)


def test_head_drops_what_leaves_either_end(store, tmp_path):
    result = exclude_triples(store, [("a", "", ""), ("d", "", "")], tmp_path / "less", "head")
    assert left(result) == [("b", "s", "a"), ("c", "r", "a"), ("c", "s", "d")]
    assert counts(result) == (3, 2, 1)


def test_a_relation_filter_limits_every_match(store, tmp_path):
    pairs = [("a", "b", "r")]
    head = exclude_triples(store, pairs, tmp_path / "head", "head", ["s"])
    pair = exclude_triples(store, pairs, tmp_path / "pair", "pair", ["r"])
    exact = exclude_triples(store, pairs, tmp_path / "exact", "exact", ["s"])
    assert sorted(set(TRIPLES) - set(left(head))) == [("a", "s", "b"), ("b", "s", "a")]
    assert sorted(set(TRIPLES) - set(left(pair))) == [("a", "r", "b")]
    assert counts(exact) == (0, 1, 0)


def test_instances_may_use_ids_of_another_space(store, tmp_path):
    result = exclude_triples(store, [("X:1", "b", "")], tmp_path / "less", "pair")
    assert counts(result) == (3, 1, 1)


def test_no_instances_exclude_nothing(store, tmp_path):
    for match in ("pair", "exact", "head"):
        result = exclude_triples(store, [], tmp_path / match, match)
        assert counts(result) == (0, 0, 0)
        assert (result.triples == store.triples).all()


def test_instances_that_cannot_be_checked_are_counted(store, tmp_path):
    ends = [("b", "a", ""), ("a", "", ""), ("a", "unknown", ""), ("", "", "")]
    assert exclude_triples(store, ends, tmp_path / "pair", "pair").counts["checked"] == 1
    assert exclude_triples(store, ends, tmp_path / "head", "head").counts["checked"] == 3
    named = [("a", "b", "s"), ("a", "b", "S"), ("a", "unknown", "s")]
    assert exclude_triples(store, named, tmp_path / "exact", "exact").counts["checked"] == 1


def test_the_tests_own_instances_are_counted_apart(store, tmp_path):
    splits = {"train": [("a", "b", ""), ("a", "d", "")], "test": [("a", "d", ""), ("c", "d", "")]}
    result = exclusion.exclude_triples(store, splits, tmp_path / "less", "pair")
    assert counts(result) == (4, 4, 2)
    assert result.counts["test_instances"] == 2
    assert result.counts["leaking_test_instances"] == 1
    splits.pop("test")
    seen = exclusion.exclude_triples(store, splits, tmp_path / "seen", "pair")
    assert "leaking_test_instances" not in seen.counts


def test_what_a_triple_joins_either_way_is_counted_and_stays(store):
    ends = [("b", "a", "r"), ("X:1", "c", ""), ("a", "d", ""), ("a", "", ""), ("a", "unknown", "")]
    counted = exclusion.count_joined(store, ends)
    assert counted == {"instances": 5, "checked": 3, "joined": 2}
    assert sorted(left(store)) == sorted(TRIPLES)
    assert exclusion.count_joined(store, []) == {"instances": 0, "checked": 0, "joined": 0}


@pytest.mark.parametrize(
    ("pairs", "match", "says"),
    [
        ([("a", "", ""), ("b", "", "")], "pair", r"each names one entity.*\n.*use match 'head'"),
        ([("a", "", "r")], "exact", r"each names one entity.*\n.*use match 'head'"),
        ([("", "", "")], "head", "they name no entity"),
        ([("Q1", "Q2", "")], "pair", r"such as Q1, Q2\n.*it has: a, b, c, d"),
        ([("Q1", "", "")], "head", r"such as Q1\n.*it has: a, b, c, d"),
    ],
)
def test_instances_of_which_none_can_be_checked_are_an_error(store, tmp_path, pairs, match, says):
    with pytest.raises(KpError, match=rf"KP406(.|\n)*'given'.*{says}"):
        exclude_triples(store, pairs, tmp_path / "less", match)
    assert not (tmp_path / "less").exists()


def test_exact_without_relations_is_an_error(store, tmp_path):
    with pytest.raises(KpError, match=r"KP405(.|\n)*instances have none"):
        exclude_triples(store, [("a", "b", "")], tmp_path / "less", "exact")


def test_exact_with_relations_that_are_called_otherwise_needs_labels(store, tmp_path):
    pairs = [("a", "b", "is in"), ("c", "d", "r")]
    with pytest.raises(KpError, match=r"KP405(.|\n)*is in\n.*'labels'(.|\n)*it has: r, s"):
        exclude_triples(store, pairs[:1], tmp_path / "none", "exact")
    result = exclude_triples(store, pairs, tmp_path / "less", "exact", labels={"is in": "s"})
    assert sorted(set(TRIPLES) - set(left(result))) == [("a", "s", "b")]
    assert counts(result) == (1, 2, 1)
    with pytest.raises(KpError, match=r"KP404(.|\n)*'S'(.|\n)*choose from: r, s"):
        exclude_triples(store, pairs, tmp_path / "wrong", "exact", labels={"is in": "S"})


def test_an_unknown_relation_in_the_filter_is_an_error(store, tmp_path):
    with pytest.raises(KpError, match=r"KP404(.|\n)*choose from: r, s"):
        exclude_triples(store, [("a", "b", "")], tmp_path / "less", "pair", ["t"])
