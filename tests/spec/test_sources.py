from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kpframework.errors import SpecError
from kpframework.spec.source import load_tree
from kpframework.spec.tree import MAX_BYTES, Node

Write = Callable[..., Path]


def _places(node: Node, loc: str = "") -> dict[str, tuple[int, int]]:
    found = {loc: (node.place.line, node.place.column)}
    children = node.value.items() if isinstance(node.value, dict) else node.items()
    for key, child in children:
        found |= _places(child, f"{loc}.{key}".lstrip("."))
    return found


def _code(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_tree(path)
    return caught.value.code


def test_json_gives_data_and_places_of_keys_and_values(write: Write) -> None:
    root = load_tree(write('{"a": {"b": [1,\n  "x"]},\n "c": null}'))
    assert root.plain() == {"a": {"b": [1, "x"]}, "c": None}
    assert _places(root)["a.b.1"] == (2, 3)
    assert _places(root)["c"] == (3, 7)
    node = root.at(("c",))
    assert node is not None
    assert str(node.key) == "spec.json:3:2"


@pytest.mark.parametrize(
    "text",
    ['"é\\u00e9\\n\\ud83d\\ude00"', "-0.5e-3", "[]", "{}", "123456789012345678901234", "true"],
)
def test_json_reads_what_the_standard_library_reads(text: str, write: Write) -> None:
    whole = f' {{"v" : {text} , "w":[{text},{text}]}}\n'
    assert load_tree(write(whole)).plain() == json.loads(whole)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1, "a": 1}', "KP104"),
        ('{"a": NaN}', "KP106"),
        ('{"a": -Infinity}', "KP106"),
        ('{"a": 1e400}', "KP106"),
        ('{"a": ' + "9" * 5000 + "}", "KP106"),
        ("[" * 100000, "KP107"),
        ('{"a": [' + "0," * 20001 + "0]}", "KP107"),
        ('{"a": 01}', "KP103"),
        ("{'a': 1}", "KP103"),
        ('{"a": 1} x', "KP103"),
        ('{"a": "\\x"}', "KP103"),
        ("", "KP103"),
        ('{"\\udc00": 1}', "KP109"),
    ],
)
def test_json_refuses_by_code(text: str, code: str, write: Write) -> None:
    assert _code(write(text)) == code


def test_yaml_scalars_follow_the_core_schema(write: Write) -> None:
    text = "a: no\nb: 1e-4\nc: 010\nd: ~\ne: 'true'\nf: TRUE\ng: 0x10\nh: -3\ni: 2024-01-01\nj:\n"
    assert load_tree(write(text, "s.yaml")).plain() == {
        "a": "no", "b": 1e-4, "c": "010", "d": None, "e": "true", "f": True, "g": "0x10", "h": -3,
        "i": "2024-01-01", "j": None,
    }  # fmt: skip


def test_yaml_gives_places(write: Write) -> None:
    root = load_tree(write("a:\n  - {b: 1}\n  - c\n", "s.yml"))
    assert _places(root)["a.0.b"] == (2, 9)
    assert _places(root)["a.1"] == (3, 5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a: 1\na: 2\n", "KP104"),
        ("a: &x 1\n", "KP105"),
        ("a: *x\n", "KP105"),
        ("a: !!str 1\n", "KP105"),
        ("!foo a: 1\n", "KP105"),
        ("a: .inf\n", "KP106"),
        ("a: " + "[" * 100 + "\n", "KP107"),
        ("a: 1\n---\nb: 2\n", "KP103"),
        ("? [x]\n: 1\n", "KP103"),
        ("a: {b\n", "KP103"),
        ("", "KP110"),
        ("- 1\n", "KP110"),
    ],
)
def test_yaml_refuses_by_code(text: str, code: str, write: Write) -> None:
    assert _code(write(text, "s.yaml")) == code


def test_alias_bomb_is_refused_at_its_first_anchor(write: Write) -> None:
    text = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert _code(write(text, "s.yaml")) == "KP105"


def test_toml_gives_places_through_tables_arrays_and_dotted_keys(write: Write) -> None:
    text = (
        'a = 1 # no\n"q".x = """\nm\n"""\n[t]\nk = [\n  1,\n  {z = "]"},\n]\n'
        "[[l]]\nid = 'one'\n[[l]]\nid = 'two'\n[l.sub]\nv = true\n"
    )
    root = load_tree(write(text, "s.toml"))
    places = _places(root)
    assert root.plain()["l"][1] == {"id": "two", "sub": {"v": True}}
    assert places["a"] == (1, 5)
    assert places["q.x"] == (2, 9)
    assert places["t.k.1.z"] == (8, 8)
    assert places["l.0.id"] == (11, 6)
    assert places["l.1.sub.v"] == (15, 5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a = 1\na = 2\n", "KP104"),
        ("a = inf\n", "KP106"),
        ("a = 2020-01-01\n", "KP103"),
        ("a = \n", "KP103"),
        ("a = " + "[" * 3000 + "]" * 3000, "KP107"),
        (".".join("a" * 100000) + " = 1", "KP107"),
    ],
)
def test_toml_refuses_by_code(text: str, code: str, write: Write) -> None:
    assert _code(write(text, "s.toml")) == code


def test_the_three_formats_say_the_same(write: Write) -> None:
    data = {"a": [1, {"b": "x"}], "c": 2.5}
    as_json = load_tree(write(data, "s.json")).plain()
    as_yaml = load_tree(write("a:\n- 1\n- b: x\nc: 2.5\n", "s.yaml")).plain()
    as_toml = load_tree(write('a = [1, {b = "x"}]\nc = 2.5\n', "s.toml")).plain()
    assert as_json == as_yaml == as_toml == data


def test_a_file_over_the_limit_is_refused(write: Write) -> None:
    assert _code(write('{"a": "' + "x" * MAX_BYTES + '"}')) == "KP107"


def test_a_missing_file_and_a_folder_are_errors(folder: Path) -> None:
    assert _code(folder / "nowhere.json") == "KP101"
    assert _code(folder) == "KP101"


def test_bases_merge_by_key_and_by_id_and_keep_their_places(write: Write, folder: Path) -> None:
    write({"rows": [{"id": "a", "x": 1}, {"id": "b", "x": 1}], "n": [1, 2], "k": {"u": 1, "v": 2}},
          "lib/base.json")  # fmt: skip
    path = write({"extends": "lib/base.json", "rows": [{"id": "b", "x": 9}, {"id": "c"}],
                  "n": [3], "k": {"v": None}})  # fmt: skip
    root = load_tree(path)
    assert root.plain() == {
        "rows": [{"id": "a", "x": 1}, {"id": "b", "x": 9}, {"id": "c"}],
        "n": [3],
        "k": {"u": 1, "v": None},
    }
    kept = root.at(("k", "u"))
    assert kept is not None
    assert kept.place.label == "lib/base.json"
    assert kept.place.base == folder / "lib"


def test_of_several_bases_the_later_wins_and_the_file_itself_last(write: Write) -> None:
    write({"a": 1, "b": 1, "c": 1}, "one.json")
    write("b: 2\nc: 2\n", "two.yaml")
    path = write({"extends": ["one.json", "two.yaml"], "c": 3})
    assert load_tree(path).plain() == {"a": 1, "b": 2, "c": 3}


def test_a_changed_type_drops_the_other_types_options(write: Write) -> None:
    write({"m": {"type": "mlp", "hidden": 4}, "s": "full", "r": [{"id": "a", "type": "x", "o": 1}]},
          "base.json")  # fmt: skip
    path = write({"extends": "base.json", "m": {"type": "linear"}, "s": {"rank": 3},
                  "r": [{"id": "a", "type": "y"}]})  # fmt: skip
    assert load_tree(path).plain() == {
        "m": {"type": "linear"},
        "s": {"type": "full", "rank": 3},
        "r": [{"id": "a", "type": "y"}],
    }


def test_extending_without_end_is_refused(write: Write) -> None:
    write({"extends": "spec.json"}, "b.json")
    assert _code(write({"extends": "b.json"})) == "KP108"
    write({}, "leaf.json")
    for i in range(8):
        write({"extends": [f"{'leaf' if i == 0 else i - 1}.json"] * 4}, f"{i}.json")
    assert _code(write({"extends": "7.json"})) == "KP107"
    assert _code(write({"extends": 3})) == "KP108"
