import gzip
import random
import re
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from kp_plugin_linkers.characters import fold, in_word
from kp_plugin_linkers.config import GazetteerConfig
from kp_plugin_linkers.gazetteer import GazetteerLinker
from kp_plugin_linkers.inflection import stems

from kpframework.api import Context, EntityInfo, Mention, Segment

HPO = Path(__file__).parents[4] / "shared/data/biomed/hpo/hp.obo.gz"
NAMES = [("cancer", "C1"), ("breast cancer", "C2"), ("breast", "C3"), ("AIDS", "C4"), ("at", "C5")]


@pytest.fixture
def gazetteer(kb):
    def build(names=NAMES, **options):
        linker = GazetteerLinker(GazetteerConfig(**options), Context())
        linker.prepare(kb(names))
        return linker

    return build


def test_longest_name_wins_and_case_is_ignored(gazetteer, linked):
    found = linked(gazetteer(), Segment("Breast Cancer at the breast."))
    assert found == [("Breast Cancer", "C2", ""), ("breast", "C3", "")]


def test_longer_match_that_ends_inside_a_word_does_not_hide_a_shorter_one(gazetteer, linked):
    assert linked(gazetteer(), Segment("breast cancerous")) == [("breast", "C3", "")]


@pytest.mark.parametrize("text", ["cancers", "xcancer", "_cancer", "cancer2", "cancer\u0301"])
def test_match_inside_a_word_is_no_match(gazetteer, linked, text):
    assert linked(gazetteer(), Segment(text)) == []


@pytest.mark.parametrize(
    "text", ["cancer-free", "(cancer)", "«cancer»", "cancer\u2014", "癌症 cancer"]
)
def test_match_beside_punctuation_is_a_match(gazetteer, linked, text):
    assert linked(gazetteer(), Segment(text)) == [("cancer", "C1", "")]


def test_smart_casing_keeps_acronyms(gazetteer, linked):
    segment = Segment("AIDS aids CANCER")
    assert [s for s, *_ in linked(gazetteer(), segment)] == ["AIDS", "CANCER"]
    assert [s for s, *_ in linked(gazetteer(casing="keep"), segment)] == ["AIDS"]
    assert [s for s, *_ in linked(gazetteer(casing="ignore"), segment)] == [
        "AIDS",
        "aids",
        "CANCER",
    ]


def test_acronym_as_it_stands_comes_before_the_word(gazetteer, linked):
    linker = gazetteer([("AIDS", "C4"), ("aids", "C6")])
    assert linked(linker, Segment("AIDS aids")) == [("AIDS", "C4", ""), ("aids", "C6", "")]


@pytest.mark.parametrize("text", ["İİ CANCER İ", "ßẞ Cancer", "\U0001d538 cancer", "\ud800 cancer"])
def test_offsets_are_those_of_the_text_as_it_stands(gazetteer, linked, text):
    [(surface, _, _)] = linked(gazetteer(), Segment(text))
    assert surface.lower() == "cancer"


def test_folding_keeps_every_length():
    every = "".join(map(chr, range(0x1FFFF)))
    assert len(fold(every)) == len(every)
    assert fold("ΟΔΌΣ") == fold("οδός")


def test_short_names_are_found_in_spans_alone(gazetteer, linked):
    segment = Segment("at noon", (Mention(0, 2, role="head"),))
    assert linked(gazetteer(), segment) == []
    assert linked(gazetteer(scope="spans"), segment) == [("at", "C5", "head")]
    assert linked(gazetteer(min_length=2), segment) == [("at", "C5", "head")]


def test_names_need_letters(gazetteer, linked):
    assert linked(gazetteer([("1984", "C1")]), Segment("in 1984")) == []
    assert linked(gazetteer([("1984", "C1")], min_letters=0), Segment("in 1984")) != []


def test_found_mention_that_covers_a_span_takes_its_role_and_wins(gazetteer, linked):
    names = [("early breast", "C7"), ("breast cancer", "C2"), ("cancer", "C1")]
    segment = Segment("early breast cancer", (Mention(13, 19, "gold", role="head"),))
    assert linked(gazetteer(names), segment) == [("breast cancer", "C2", "head")]
    assert linked(gazetteer(names), Segment(segment.text)) == [
        ("early breast", "C7", ""),
        ("cancer", "C1", ""),
    ]


def test_scopes_differ_in_what_is_linked(gazetteer, linked):
    segment = Segment("breast cancer of the breast", (Mention(7, 13, role="tail"),))
    assert linked(gazetteer(scope="spans"), segment) == [("cancer", "C1", "tail")]
    assert linked(gazetteer(scope="spans+anywhere"), segment) == [
        ("breast", "C3", ""),
        ("cancer", "C1", "tail"),
        ("breast", "C3", ""),
    ]
    assert linked(gazetteer(), segment) == [("breast cancer", "C2", "tail"), ("breast", "C3", "")]


@pytest.mark.parametrize(
    ("ambiguity", "expected"), [("prior", ["C1"]), ("first", ["C3"]), ("skip", [])]
)
def test_ambiguous_name(gazetteer, ambiguity, expected):
    names = [("cold", "C3", 0.2), ("Cold", "C2", 0.4), ("cold", "C1", 0.4)]
    linker = gazetteer(names, ambiguity=ambiguity)
    assert [m.entity for m in linker.link([Segment("a cold day")])[0]] == expected
    statistics = {"names": 1, "ambiguous_names": 1, "short_names": 0}
    assert linker.statistics() == statistics | (
        {"ambiguous_mentions": 1} if ambiguity != "skip" else {}
    )


def test_one_entity_with_a_name_twice_is_not_ambiguous(gazetteer):
    linker = gazetteer([("Cold", "C1", 0.2), ("cold", "C1", 0.5)], ambiguity="skip")
    [[mention]] = linker.link([Segment("cold")])
    assert (mention.entity, mention.score) == ("C1", 0.5)


@pytest.mark.parametrize("span", ["seizures", "Seizured", "seizuring"])
def test_english_endings_are_tried_on_spans(gazetteer, linked, span):
    segment = Segment(span, (Mention(0, len(span), role="mention"),))
    names = [("seizure", "C1")]
    assert linked(gazetteer(names, scope="spans"), segment) == []
    linker = gazetteer(names, scope="spans", inflection="english")
    assert linked(linker, segment) == [(span, "C1", "mention")]


def test_stems_keep_words_that_only_look_inflected():
    assert list(stems("loss")) == []
    assert list(stems("ring")) == []
    assert next(stems("renal biopsies")) == "renal biopsy"


def test_nothing_to_find(gazetteer):
    assert gazetteer([]).link([Segment("some text"), Segment("")]) == [[], []]
    assert gazetteer().link([]) == []


def brute_force(names, text, min_length):
    """Every span against every name, then leftmost-longest."""
    table = {}
    for name, entity, *_ in names:
        held = table.get(fold(name))
        table[fold(name)] = min(held, entity) if held else entity
    hits = []
    for start in range(len(text)):
        for end in range(start + min_length, len(text) + 1):
            inside = (start and in_word(text[start - 1]) and in_word(text[start])) or (
                end < len(text) and in_word(text[end - 1]) and in_word(text[end])
            )
            if not inside and fold(text[start:end]) in table:
                hits.append((start, end, table[fold(text[start:end])]))
    kept, at = [], 0
    for start, end, entity in sorted(hits, key=lambda h: (h[0], -h[1])):
        if start >= at:
            kept.append((start, end, entity))
            at = end
    return kept


@pytest.mark.parametrize("seed", range(40))
def test_agrees_with_a_brute_force_matcher(gazetteer, seed):
    rng = random.Random(seed)  # noqa: S311

    def word(longest):
        return "".join(rng.choices("aAbBİßé_-  .", k=rng.randint(1, longest)))

    names = [(name, f"C{i}") for i in range(30) if (name := word(5)).strip() == name]
    linker = gazetteer(names, casing="ignore", min_length=1, min_letters=0)
    for _ in range(20):
        text = word(40)
        found = [(m.start, m.end, m.entity) for m in linker.link([Segment(text)])[0]]
        assert found == brute_force(names, text, 1)


def test_time_is_linear_in_the_text(gazetteer):
    linker = gazetteer()
    text = "A breast cancer was seen at the clinic beside other findings. "

    def seconds(times):
        segment = Segment(text * times)
        start = time.perf_counter()
        linker.link([segment])
        return time.perf_counter() - start

    seconds(100)
    assert min(seconds(4000) for _ in range(3)) < 12 * min(seconds(1000) for _ in range(3))


@pytest.mark.skipif(not HPO.is_file(), reason="the real HPO file is not here")
def test_every_real_hpo_name_is_found_in_a_text_of_its_own(gazetteer):
    obo = gzip.decompress(HPO.read_bytes()).decode()
    names = re.findall(r"^id: (HP:\d+)\nname: (.+)$", obo, flags=re.MULTILINE)
    linker = gazetteer([(name, entity) for entity, name in names])
    found = linker.link([Segment(f"Signs: {name}.") for _, name in names])
    share = sum(
        m.end - m.start == len(name) for [m, *_], (_, name) in zip(found, names, strict=True)
    )
    assert share == len(names) > 19_000


@pytest.mark.parametrize("ambiguity", ["prior", "context"])
def test_building_the_index_shows_how_far_it_is(kb, ambiguity):
    bars = {}

    @contextmanager
    def progress(description, total):
        def advance(steps=1, note=""):
            bars[description] += steps

        bars[description] = 0
        yield advance
        assert 0 < bars[description] <= total

    base = kb([(f"name {i}", f"E{i:04}") for i in range(2500)])
    base.triples = np.empty((0, 3), dtype=np.int64)
    base.entities = lambda: (EntityInfo(own, own) for own in base.entity_ids)
    config = GazetteerConfig(ambiguity=ambiguity)
    GazetteerLinker(config, Context(progress=progress)).prepare(base)
    assert bars.pop("indexing names, entities") == 4000
    assert bars == ({"describing entities": 2000} if ambiguity == "context" else {})
