import random
import time
from itertools import pairwise

import numpy as np
import pytest
from kp_plugin_linkers.fuzzy import FuzzyLinker
from kp_plugin_linkers.fuzzy_config import FuzzyConfig
from kp_plugin_linkers.fuzzy_index import FuzzyIndex
from kp_plugin_linkers.trigrams import normal, trigrams

from kpframework.api import Context, Mention, Segment

NAMES = [
    ("breast cancer", "C1"),
    ("cancer", "C2"),
    ("arachnodactyly", "C3"),
    ("AIDS", "C4"),
    ("haemorrhage", "C5", 0.2),
    ("haemorrhage", "C6", 0.8),
    ("gastric ulcer", "C7"),
]


@pytest.fixture
def fuzzy(kb):
    def build(names=NAMES, **options):
        linker = FuzzyLinker(FuzzyConfig(**options), Context())
        linker.prepare(kb(names))
        return linker

    return build


def made_up_names(count, seed=0):
    generator = random.Random(seed)  # noqa: S311
    parts = ["carb", "oxy", "meth", "yl", "ine", "ulc", "er", "itis", "gastr", "hep", "at", "o"]
    return list(
        dict.fromkeys(
            " ".join(
                "".join(generator.choices(parts, k=generator.randint(1, 4)))
                for _ in range(generator.randint(1, 3))
            )
            for _ in range(count)
        )
    )


def test_misspelt_and_inflected_names_are_found(fuzzy, linked):
    segment = Segment("Brest cancer, Arachnodactily, and gastric ulcers.")
    found = linked(fuzzy(threshold=0.6), segment)
    assert found == [
        ("Brest cancer", "C1", ""),
        ("Arachnodactily", "C3", ""),
        ("gastric ulcers", "C7", ""),
    ]


def test_a_name_as_it_stands_has_score_one_and_the_likeliest_entity(fuzzy):
    (mention,) = fuzzy().link([Segment("a HAEMORRHAGE here")])[0]
    assert (mention.start, mention.end, mention.entity) == (2, 13, "C6")
    assert mention.score == pytest.approx(1.0, abs=1e-5)


def test_acronyms_must_stand_as_they_are(fuzzy, linked):
    assert linked(fuzzy(), Segment("AIDS aids")) == [("AIDS", "C4", "")]


def test_spans_are_looked_up_as_they_are_and_keep_their_role(fuzzy, linked):
    text = "the hemorrhage of a gastric ulcer"
    segment = Segment(text, (Mention(4, 14, role="head"), Mention(0, 3)))
    assert linked(fuzzy(scope="spans", threshold=0.5), segment) == [("hemorrhage", "C6", "head")]
    found = linked(fuzzy(scope="spans+anywhere", threshold=0.5), segment)
    assert found == [("hemorrhage", "C6", "head"), ("gastric ulcer", "C7", "")]


def test_a_sequence_does_not_cross_a_sentence_mark(fuzzy, linked):
    assert linked(fuzzy(), Segment("It was gastric; ulcer")) == []


@pytest.mark.parametrize("threshold", [0.4, 0.7, 0.9])
def test_the_search_misses_nothing_that_a_full_comparison_finds(threshold):
    names = made_up_names(400)
    queries = [*made_up_names(100, seed=1), "", "x", "zzz qqq"]
    queries += [change for name in names[:100] for change in (name, f"{name}s", name[1:])]
    found = FuzzyIndex(names, threshold).search(queries, limit=10**6)
    vectors = _dense(names, names), _dense(names, queries)
    cosines = vectors[1] @ vectors[0].T
    expected = 0
    for row, own in enumerate(found):
        near = np.flatnonzero(cosines[row] >= threshold)
        expected += len(near)
        assert {name for name, _ in own} >= set(near.tolist())
        assert all(abs(score - cosines[row, name]) < 1e-4 for name, score in own)
        assert all(score > threshold - 1e-4 for _, score in own)
        assert all(a[1] >= b[1] for a, b in pairwise(own))
    assert expected > 100


def _dense(names, texts):
    """Trigram vectors of texts by the definition, one text at a time."""
    sets = [{f" {n} "[i : i + 3] for i in range(len(n))} for n in names]
    words = sorted({g for own in sets for g in own})
    frequency = {g: sum(g in own for own in sets) for g in words}
    out = np.zeros((len(texts), len(words)))
    for row, text in enumerate(texts):
        own = {f" {text} "[i : i + 3] for i in range(len(text))}
        weights = {g: np.log((1 + len(names)) / (1 + frequency.get(g, 0))) + 1 for g in own}
        norm = np.sqrt(sum(w**2 for w in weights.values())) or 1.0
        for g in own & set(words):
            out[row, words.index(g)] = weights[g] / norm
    return out


def test_trigrams_are_those_of_each_text_alone():
    texts = ["abc", "", "a", "aaaa", normal("Straße\0  Ünï"), "\U0001f600x"]
    rows, keys = trigrams(texts)
    for row, text in enumerate(texts):
        own = {f" {text} "[i : i + 3] for i in range(len(text))}
        back = {
            "".join(chr(int(k) >> s & 0x1FFFFF) for s in (42, 21, 0)) for k in keys[rows == row]
        }
        assert back == own


def test_mentions_keep_the_contract_on_noisy_text(fuzzy):
    names = [(name, f"E{i % 150}") for i, name in enumerate(made_up_names(300))]
    linker = fuzzy(names, threshold=0.6)
    generator = random.Random(2)  # noqa: S311
    segments = []
    for _ in range(20):
        words = generator.choices([n for n, _ in names], k=12)
        words += ["; ", "\n", "İx", "\ud800", "(a)"]
        generator.shuffle(words)
        segments.append(Segment(" ".join(w[generator.randint(0, 1) :] for w in words)))
    segments += [Segment(""), Segment("\n")]
    together = linker.link(segments)
    assert sum(map(len, together)) > 50
    for segment, found in zip(segments, together, strict=True):
        assert all(0 <= m.start < m.end <= len(segment.text) for m in found)
        assert all(a.end <= b.start for a, b in pairwise(found))
        assert {m.entity for m in found} <= {e for _, e in names}
    assert [fuzzy(names, threshold=0.6).link([s])[0] for s in segments] == together
    several = linker.candidates(segments)
    assert [[own[0] for own in found] for found in several] == together
    assert any(len(own) > 1 for found in several for own in found)


def test_a_base_without_names_gives_no_mentions(fuzzy):
    assert fuzzy([]).link([Segment("Some text."), Segment("")]) == [[], []]


def test_texts_are_searched_in_time_linear_in_their_number():
    index = FuzzyIndex(made_up_names(2000), 0.8)
    texts = made_up_names(2000, seed=3)
    index.search(texts[:100])

    def seconds(count):
        start = time.process_time()
        index.search(texts[:count])
        return time.process_time() - start

    small, large = (min(seconds(n) for _ in range(3)) for n in (500, 1000))
    assert large < 3 * small + 0.05
