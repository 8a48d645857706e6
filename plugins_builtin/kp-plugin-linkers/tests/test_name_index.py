import time
import unicodedata

import pytest
from kp_plugin_linkers.characters import fold, in_word, words
from kp_plugin_linkers.config import GazetteerConfig
from kp_plugin_linkers.gazetteer import GazetteerLinker
from kp_plugin_linkers.name_build import write_index
from kp_plugin_linkers.name_index import NameIndex

from kpframework.api import Context, Entity, KBProvider, Mention, Segment
from kpframework.kb.store import build_store


class Provider(KBProvider):
    def __init__(self, names):
        super().__init__(None, Context())
        self._names = names

    def entities(self):
        return (Entity(entity, name) for entity, name in self._names)

    def triples(self):
        return iter(())


def gazetteer(kb, **options):
    linker = GazetteerLinker(GazetteerConfig(**options), Context())
    linker.prepare(kb)
    return linker


def found(linker, text):
    return [(m.start, m.end, m.entity) for m in linker.link([Segment(text)])[0]]


def test_a_second_linker_opens_the_index_and_reads_no_names(tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    names = [("E1", "breast cancer"), ("E2", "cancer")]
    store = build_store(Provider(names), tmp_path / "kb", "kb", Context())
    first = gazetteer(store)
    monkeypatch.setattr(type(store), "names", lambda self: pytest.fail("names were read"))
    second = gazetteer(store)
    text = "Cancer, and breast cancer"
    assert found(first, text) == found(second, text) == [(0, 6, "E2"), (12, 25, "E1")]
    assert list((tmp_path / "cache/derived/gazetteer").rglob("forms.marisa"))


def test_equal_names_give_equal_bytes(tmp_path):
    names = [(f"name {i % 50}", f"E{i}", 1.0) for i in range(200)]
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        write_index(lambda: names, "smart", tmp_path / part)
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / p).iterdir()} for p in "ab")
    assert one == two


def test_a_damaged_index_is_built_anew(tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    store = build_store(Provider([("E1", "cancer")]), tmp_path / "kb", "kb", Context())
    gazetteer(store)
    [path] = (tmp_path / "cache/derived/gazetteer").rglob("forms.marisa")
    path.write_bytes(path.read_bytes()[:-1])
    assert found(gazetteer(store), "a cancer") == [(2, 8, "E1")]


@pytest.mark.parametrize("name", ["a\0b", "\ud800 one", "\U0001d538b", "癌 症", "e\u0301", "°"])
def test_a_name_of_any_characters_is_found(kb, name):
    linker = gazetteer(kb([(name, "C1")]), min_length=1, min_letters=0)
    assert found(linker, f"é {name}, ") == [(2, 2 + len(name), "C1")]


def test_acronyms_whose_case_folds_alike_are_told_apart(kb):
    linker = gazetteer(kb([("KG", "C1"), ("\u212aG", "C2"), ("kg", "C3")]), min_length=1)
    assert [e for *_, e in found(linker, "KG \u212aG kg Kg")] == ["C1", "C2", "C3", "C3"]
    assert linker.statistics()["names"] == 3
    short = gazetteer(kb([("KG", "C1"), ("\u212aG", "C2"), ("kg", "C3")]))
    assert short.statistics()["short_names"] == 1


@pytest.mark.parametrize("first", [0, *range(0x80, 0x20000, 0x1000), 0xE0000], ids=hex)
def test_words_are_what_their_characters_make(first):
    characters = [chr(code) for code in range(first, 0x80 if first == 0 else first + 0x1000)]
    expected = []
    for at, character in enumerate(characters):
        inner = [(1, 2)] if not character.isspace() else []
        spans = [(0, 3)] if in_word(character) else [(0, 1), *inner, (2, 3)]
        expected += [(start + 4 * at, end + 4 * at) for start, end in spans]
    assert words("".join(f"a{c}a " for c in characters)) == expected


def test_what_is_looked_for_in_some_planes_alone_is_in_no_other():
    rest = [chr(code) for code in (*range(0x20000, 0xE0000), *range(0xE1000, 0x110000))]
    assert not any(unicodedata.category(character).startswith("M") for character in rest)
    assert all(len(character.casefold()) == 1 for character in rest)


def test_folding_is_that_of_each_character():
    def one(character):
        folded = character.casefold()
        return folded if len(folded) == 1 else character.lower()[0]

    every = [c for c in map(chr, range(0x20000)) if not "\ud800" <= c <= "\udfff"]
    assert fold("".join(every)) == "".join(map(one, every))
    assert fold("É\ud800É") == "é\ufffdé"


def test_folding_changes_neither_words_nor_blanks():
    for code in range(0x20000):
        character = chr(code)
        folded = fold(character)
        if in_word(character) != in_word(folded) or character.isspace() != folded.isspace():
            pytest.fail(f"{character!r} becomes {folded!r}")


def test_a_blank_is_no_end_of_a_name(kb):
    assert found(gazetteer(kb([(" cancer\u00a0", "C1")])), "a cancer \u00a0!") == [(2, 8, "C1")]
    assert gazetteer(kb([("  ", "C1"), ("", "C2")])).statistics()["names"] == 0


def test_an_id_in_scripts_beyond_ascii_comes_back(kb):
    assert found(gazetteer(kb([("cancer", "癌\u0301")])), "cancer") == [(0, 6, "癌\u0301")]


@pytest.mark.parametrize("roles", [(), (Mention(0, 1, role="head"),)], ids=["plain", "roles"])
def test_time_stays_linear_where_every_word_begins_a_long_name(kb, roles):
    names = [(" ".join("a" * k), f"C{k}") for k in range(1, 40)]
    linker = gazetteer(kb(names), min_length=1)

    def seconds(count):
        segment = Segment("a " * count, roles)
        times = []
        for _ in range(3):
            start = time.process_time()
            linker.link([segment])
            times.append(time.process_time() - start)
        return min(times)

    seconds(100)
    assert seconds(2_400) < 12 * seconds(600)


def test_the_index_is_small_and_its_files_are_tries_and_plain_arrays(tmp_path):
    names = [(f"name of {i} things", f"E{i:05}", 1.0) for i in range(10_000)]
    write_index(lambda: names, "smart", tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npy", ".marisa"}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 60 * len(names)
    assert NameIndex(tmp_path, "smart").count() == (len(names), 0)
