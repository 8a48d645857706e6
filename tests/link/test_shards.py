"""Cutting inputs into shards, and reading their lines back."""

import pytest

from kpframework.errors import KpError, Problem
from kpframework.link import shards
from kpframework.link.inputs import Source
from kpframework.link.shards import cut
from kpframework.link.texts import Reading, read_piece


def source(folder, name, data, format="lines"):
    (folder / name).write_bytes(data)
    return Source(name, folder / name, format)


def lines_of(plan):
    return [
        [(own.id, own.text) for piece in shard["pieces"] for own in read_piece(piece, Reading())]
        for shard in plan.shards
    ]


@pytest.mark.parametrize("block", [1, 3, 7, 1 << 20])
@pytest.mark.parametrize("size", [1, 5, 12, 1000])
def test_every_line_is_in_one_shard_with_its_number_whatever_the_sizes(
    tmp_path, monkeypatch, block, size
):
    monkeypatch.setattr(shards, "_BLOCK", block)
    first = source(tmp_path, "a", b"one\ntwo two\nthree\n")
    second = source(tmp_path, "b", "vier\r\nfünf".encode())
    plan = cut([first, second], size, {})
    found = [own for shard in lines_of(plan) for own in shard]
    assert found == [
        ("a:1", "one"),
        ("a:2", "two two"),
        ("a:3", "three"),
        ("b:1", "vier"),
        ("b:2", "fünf"),
    ]
    assert sum(plan.lines) == 5
    assert [len(own) for own in lines_of(plan)] == plan.lines
    sizes = [sum(p["stop"] - p["start"] for p in s["pieces"]) for s in plan.shards]
    assert all(own >= size for own in sizes[:-1])
    assert len(plan.shards) == {1: 5, 5: 4, 12: 3, 1000: 1}[size]


def test_a_shard_is_named_by_its_lines_their_numbers_and_what_they_become(tmp_path):
    def keys(data, identity, name="a"):
        return [shard["key"] for shard in cut([source(tmp_path, name, data)], 4, identity).shards]

    before = keys(b"one\ntwo\nsix\n", {})
    assert len(set(before)) == 3
    after = keys(b"one\ntwo\nten\nend\n", {})
    assert after[:2] == before[:2]
    assert before[2] not in after
    assert not set(before) & set(keys(b"one\ntwo\nsix\n", {"linker": "other"}))
    assert not set(before) & set(keys(b"one\ntwo\nsix\n", {}, name="b"))


def test_a_line_longer_than_a_text_is_refused_before_it_is_in_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "MAX_LINE", 50)
    monkeypatch.setattr(shards, "_BLOCK", 8)
    with pytest.raises(KpError) as caught:
        cut([source(tmp_path, "a", b"short\n" + b"x" * 60)], 10, {})
    assert caught.value.code == "KP833"
    assert caught.value.problems[0].where == "a:2"
    cut([source(tmp_path, "a", b"short\n" * 60)], 10, {})


def test_a_byte_order_mark_is_no_character_of_the_text(tmp_path):
    plan = cut([source(tmp_path, "a", b"\xef\xbb\xbfone\ntwo\n")], 100, {})
    assert lines_of(plan) == [[("a:1", "one"), ("a:2", "two")]]


def test_a_file_that_changed_after_it_was_cut_is_an_error(tmp_path):
    plan = cut([source(tmp_path, "a", b"one\ntwo\n")], 100, {})
    (tmp_path / "a").write_bytes(b"one\nsix\n")
    with pytest.raises(KpError) as caught:
        lines_of(plan)
    assert caught.value.code == "KP834"


def test_characters_that_only_look_like_line_ends_stay_in_their_line(tmp_path):
    text = "one\u2028two\x0bthree\x85four"
    plan = cut([source(tmp_path, "a", f"{text}\nfive\n".encode())], 100, {})
    assert [own for _, own in lines_of(plan)[0]] == [text, "five"]


def test_empty_inputs_make_no_shard_and_a_bad_whole_file_is_one_problem(tmp_path):
    assert cut([source(tmp_path, "a", b"")], 10, {}).shards == []
    plan = cut([source(tmp_path, "b", b"\xff", "file")], 10, {})
    (found,) = read_piece(plan.shards[0]["pieces"][0], Reading())
    assert isinstance(found, Problem)
    assert found.where == "b"
