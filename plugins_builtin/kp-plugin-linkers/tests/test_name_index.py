import random
import time

import numpy as np
import pytest
from kp_plugin_linkers import name_index, spans
from kp_plugin_linkers.characters import fold, in_word
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
    assert list((tmp_path / "cache/derived/gazetteer").rglob("texts.bin"))


def test_equal_names_give_equal_bytes(tmp_path):
    names = [(f"name {i % 50}", f"E{i}", 1.0) for i in range(200)]
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
        write_index(iter(names), "smart", tmp_path / part)
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / p).iterdir()} for p in "ab")
    assert one == two


def words(rng, longest):
    return "".join(rng.choices("aAbBİßé_-  .", k=rng.randint(1, longest)))


@pytest.mark.parametrize("seed", range(10))
def test_texts_are_cut_into_windows_without_a_trace(kb, seed, monkeypatch):
    rng = random.Random(seed)  # noqa: S311
    names = [(name, f"C{i}") for i in range(30) if (name := words(rng, 5)).strip() == name]
    linker = gazetteer(kb(names), casing="ignore", min_length=1, min_letters=0)
    texts = [words(rng, 60) for _ in range(20)]
    whole = [found(linker, text) for text in texts]
    monkeypatch.setattr(name_index, "_WINDOW", 7)
    assert [found(linker, text) for text in texts] == whole
    batch = linker.link([Segment(text) for text in texts])
    assert [[(m.start, m.end, m.entity) for m in own] for own in batch] == whole
    assert any(whole)


@pytest.mark.parametrize("scope", ["anywhere", "spans+anywhere"])
def test_hashes_that_collide_change_nothing(kb, scope, monkeypatch):
    rng = random.Random(1)  # noqa: S311
    names = [(name, f"C{i}") for i in range(60) if (name := words(rng, 5)).strip() == name]
    texts = [words(rng, 60) for _ in range(40)]

    def linked():
        linker = gazetteer(kb(names), scope=scope, min_length=1, min_letters=0)
        roles = [Segment(text, (Mention(0, 2, role="head"),)) for text in texts]
        return linker.link([*map(Segment, texts), *roles]), linker.statistics()

    right = linked()
    mixed = spans._mixed
    monkeypatch.setattr(spans, "_mixed", lambda hashes: mixed(hashes) >> np.uint64(61))
    assert linked() == right


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


def test_the_index_is_small_and_its_files_are_plain_arrays(tmp_path):
    names = [(f"name of {i} things", f"E{i:05}", 1.0) for i in range(10_000)]
    write_index(iter(names), "smart", tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npy", ".bin", ".json"}
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 120 * len(names)
    assert NameIndex(tmp_path, "smart").total == len(names)
