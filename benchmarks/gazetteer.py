"""Gazetteers side by side: build, open, speed, memory and scaling, at several numbers of names.

``python benchmarks/gazetteer.py FOLDER --names 10000 100000 1000000`` builds each matcher in a
process of its own, measures its memory there, and lets all of them take turns at the same texts,
one part of the texts after the other, so that the load of the machine falls on all alike. Times are
CPU times of the process. Names are those of WordNet, HPO and Wikidata as far as they reach, then
made-up ones of the same words; texts are WordNet's glosses and HPO's definitions.

Equal work as far as it can be: each returns whole-word, leftmost-longest matches of lower-cased
names in lower-cased texts as (start, end), boundaries as the linker has them. It is not equal for

- spaCy's PhraseMatcher, which matches tokens of its own tokenizer, which is most of its time;
- simstring, which finds strings like a window of 1 to 4 words, at a cosine of 0.99: QuickUMLS' way;
- ours, timed twice: the search alone, and the linker that makes `Mention` objects with ids.
"""

from __future__ import annotations

import argparse
import gzip
import json
import math
import os
import platform
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

SHARED = Path(__file__).parents[2] / "shared/data"
WORDNET = Path("/usr/share/wordnet")
MATCHERS = {
    "ours": "kp_plugin_linkers",
    "ours, linked": "kp_plugin_linkers",
    "ahocorasick-rs": "ahocorasick_rs",
    "pyahocorasick": "ahocorasick",
    "marisa-trie": "marisa_trie",
    "daachorse": "daachorse",
    "flashtext2": "flashtext2",
    "spaCy PhraseMatcher": "spacy",
    "simstring": "simstring",
}
SHARES = {"simstring": 0.02, "spaCy PhraseMatcher": 0.5}
"""Of each part of the texts, what slow matchers are given."""
MIB = 1 << 20
REPEATS = 15
"""Of each time of `scaling`, the least of which counts."""
Match = Callable[[list[str]], int]
"""Returns how many matches are in some texts."""


def real_names() -> Iterator[str]:
    """Yield the names of WordNet, HPO and Wikidata, lower-cased."""
    for part in ("noun", "verb", "adj", "adv"):
        for line in (WORDNET / f"index.{part}").read_text().splitlines():
            if not line.startswith(" "):
                yield line.split(" ", 1)[0].replace("_", " ")
    obo = gzip.decompress((SHARED / "biomed/hpo/hp.obo.gz").read_bytes()).decode()
    for name in re.findall(r'^(?:name: |synonym: ")([^"\n]+)', obo, flags=re.MULTILINE):
        yield name.lower()
    labels = SHARED / "wikidata/labels/fb15k_entity2wikidata.json.gz"
    for entity in json.loads(gzip.decompress(labels.read_bytes())).values():
        for name in (entity["label"], *entity["alternatives"]):
            yield name.lower()


def names(count: int) -> list[str]:
    """Return distinct names, real ones first, in an order of no meaning."""
    chosen = random.Random(0)  # noqa: S311
    real = [name for name in dict.fromkeys(real_names()) if len(name) >= 3 and name == name.strip()]
    words = [name for name in real if " " not in name]
    chosen.shuffle(real)
    found = dict.fromkeys(real[:count])
    while len(found) < count:
        found[" ".join(chosen.choices(words, k=chosen.choice((1, 2, 2, 3, 3, 4, 5))))] = None
    return list(found)


def texts(megabytes: float) -> list[str]:
    """Return glosses and definitions, lower-cased, in an order of no meaning."""
    obo = gzip.decompress((SHARED / "biomed/hpo/hp.obo.gz").read_bytes()).decode()
    found = re.findall(r'^def: "(.*?)(?<!\\)"', obo, flags=re.MULTILINE)
    for part in ("noun", "verb", "adj"):
        lines = (WORDNET / f"data.{part}").read_text().splitlines()
        found += [line.split("| ", 1)[1] for line in lines if "| " in line]
    random.Random(1).shuffle(found)  # noqa: S311
    size, kept = 0.0, []
    for text in found:
        if size >= megabytes * 1e6:
            break
        kept.append(text.lower())
        size += len(text)
    return kept


def whole(text: str, start: int, end: int) -> bool:
    """Return whether a span of ASCII text neither begins nor ends inside a word."""
    return not (
        (start > 0 and _in_word(text[start]) and _in_word(text[start - 1]))
        or (end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]))
    )


def _in_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def leftmost_longest(text: str, spans: Sequence[tuple[int, int]]) -> int:
    """Return how many whole-word spans stay when the leftmost, then the longest, goes first."""
    kept = free = 0
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= free and whole(text, start, end):
            kept, free = kept + 1, end
    return kept


def build(matcher: str, given: list[str], folder: Path) -> Callable[[], Match]:
    """Build a matcher; what is returned opens what can be opened from disk."""
    if matcher.startswith("ours"):
        return _ours(given, folder, linked="linked" in matcher)
    if matcher == "ahocorasick-rs":
        from ahocorasick_rs import AhoCorasick

        automaton = AhoCorasick(given)
        return lambda: _each(
            lambda t: [m[1:] for m in automaton.find_matches_as_indexes(t, overlapping=True)]
        )
    if matcher == "pyahocorasick":
        from ahocorasick import Automaton

        automaton = Automaton()
        for name in given:
            automaton.add_word(name, len(name))
        automaton.make_automaton()
        return lambda: _each(lambda t: [(at - n + 1, at + 1) for at, n in automaton.iter(t)])
    if matcher == "marisa-trie":
        from marisa_trie import Trie

        Trie(given).save(str(folder / "marisa"))
        return lambda: _marisa(Trie().mmap(str(folder / "marisa")))
    if matcher == "daachorse":
        from daachorse import CharwiseDoubleArrayAhoCorasick

        daac = CharwiseDoubleArrayAhoCorasick(given)
        return lambda: _each(lambda t: [tuple(m)[:2] for m in daac.find_overlapping(t)])
    if matcher == "flashtext2":
        from flashtext2 import KeywordProcessor

        processor = KeywordProcessor(case_sensitive=True)
        for name in given:
            processor.add_keyword(name)
        return lambda: lambda part: sum(len(processor.extract_keywords(t)) for t in part)
    if matcher == "spaCy PhraseMatcher":
        import spacy
        from spacy.matcher import PhraseMatcher
        from spacy.util import filter_spans

        blank = spacy.blank("en")
        phrases = PhraseMatcher(blank.vocab)
        for start in range(0, len(given), 10_000):
            phrases.add("name", list(blank.tokenizer.pipe(given[start : start + 10_000])))
        return lambda: (
            lambda part: sum(
                len(filter_spans(phrases(doc, as_spans=True))) for doc in blank.tokenizer.pipe(part)
            )
        )
    return _simstring(given, folder)


def _each(spans: Callable[[str], Any]) -> Match:
    return lambda part: sum(leftmost_longest(text, spans(text)) for text in part)


def _ours(given: list[str], folder: Path, linked: bool) -> Callable[[], Match]:
    from kp_plugin_linkers.config import GazetteerConfig
    from kp_plugin_linkers.gazetteer import GazetteerLinker
    from kp_plugin_linkers.name_build import write_index
    from kp_plugin_linkers.name_index import NameIndex
    from kp_plugin_linkers.names import Names

    from kpframework.api import Context, Segment

    def rows() -> Iterator[tuple[str, str, float]]:
        return ((name, f"E{number:07}", 1.0) for number, name in enumerate(given))

    write_index(rows, "ignore", folder)

    def search(part: list[str]) -> int:
        kept = 0
        for text in part:
            free = 0
            found = index.find(text, 1, 0)
            for start in found.starts:
                end = next(found.ends(start), None) if start >= free else None
                if end is not None:
                    kept, free = kept + 1, end
        return kept

    def link(part: list[str]) -> int:
        return sum(map(len, linker.link([Segment(text) for text in part])))

    def opened() -> Match:
        nonlocal index, linker
        index = NameIndex(folder, "ignore")
        linker = GazetteerLinker(GazetteerConfig(min_length=1, min_letters=0), Context())
        linker._names = Names(index, "prior")  # as `prepare` does with a knowledge base
        return link if linked else search

    index: Any = None
    linker: Any = None
    return opened


def _marisa(trie: Any) -> Match:
    words = re.compile(r"\w+|[^\w\s]")

    def match(part: list[str]) -> int:
        kept = 0
        for text in part:
            free = 0
            for word in words.finditer(text):
                start = word.start()
                if start >= free:
                    prefixes = trie.prefixes(text[start : start + 80])
                    ends = [start + len(p) for p in prefixes if whole(text, start, start + len(p))]
                    if ends:
                        kept, free = kept + 1, max(ends)
        return kept

    return match


def _simstring(given: list[str], folder: Path) -> Callable[[], Match]:
    from simstring.database.dict import DictDatabase
    from simstring.feature_extractor.character_ngram import CharacterNgramFeatureExtractor
    from simstring.measure.cosine import CosineMeasure
    from simstring.searcher import Searcher

    database = DictDatabase(CharacterNgramFeatureExtractor(3))
    for name in given:
        database.add(name)
    searcher = Searcher(database, CosineMeasure())

    def match(part: list[str]) -> int:
        kept = 0
        for text in part:
            words = list(re.finditer(r"\w+", text))
            spans = [
                (words[a].start(), words[b].end())
                for a in range(len(words))
                for b in range(a, min(a + 4, len(words)))
            ]
            found = [s for s in spans if searcher.search(text[s[0] : s[1]], 0.99)]
            kept += leftmost_longest(text, found)
        return kept

    return lambda: match


def resident(key: str = "RssAnon") -> float:
    """Return a memory figure of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024
    raise SystemExit(f"needs Linux: no {key} in /proc/self/status")


def worker(matcher: str, count: int, megabytes: float, folder: Path) -> None:
    """Build, then match a part of the texts for each line of stdin; answers are JSON lines."""
    folder.mkdir(parents=True, exist_ok=True)
    given, corpus = names(count), texts(megabytes)
    before, wall, cpu = resident(), time.perf_counter(), time.process_time()
    opener = build(matcher, given, folder)
    facts: dict[str, Any] = {
        "build_wall_s": round(time.perf_counter() - wall, 2),
        "build_cpu_s": round(time.process_time() - cpu, 2),
        "peak_rss_mib": round(resident("VmHWM")),
    }
    start = time.process_time()
    match = opener()
    facts["open_cpu_ms"] = round(1000 * (time.process_time() - start), 1)
    match(corpus[:200])
    facts["anonymous_mib"] = round(resident() - before)
    facts["disk_mib"] = round(sum(f.stat().st_size for f in folder.iterdir()) / MIB, 1)
    print(json.dumps(facts), flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        part = corpus[first:last]
        cpu = time.process_time()
        found = match(part)
        seconds = time.process_time() - cpu
        print(json.dumps([sum(map(len, part)) / 1e6 / seconds, found]), flush=True)


def compare(count: int, given: argparse.Namespace) -> dict[str, Any]:
    """Build the matchers one after the other, then let them take turns."""
    size = len(texts(given.megabytes))
    bounds = [size * part // given.parts for part in range(given.parts + 1)]
    running, facts = {}, {}
    for matcher in given.matchers:
        if find_spec(MATCHERS[matcher]) is None:
            facts[matcher] = {"absent": f"no module {MATCHERS[matcher]}"}
            continue
        folder = given.folder / f"{count}-{matcher.replace(' ', '-').replace(',', '')}"
        command = [sys.executable, __file__, str(folder), "--worker", matcher]
        command += ["--names", str(count), "--megabytes", str(given.megabytes)]
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            facts[matcher] = {"failed": process.wait()}
            continue
        facts[matcher], running[matcher] = json.loads(line), process
        print(count, matcher, facts[matcher], file=sys.stderr, flush=True)
    speeds: dict[str, list[float]] = {matcher: [] for matcher in running}
    found = dict.fromkeys(running, 0)
    for first, end in pairwise(bounds):
        for matcher, process in running.items():
            assert process.stdin is not None  # both are pipes
            assert process.stdout is not None
            last = first + math.ceil((end - first) * SHARES.get(matcher, 1.0))
            process.stdin.write(f"{first} {last}\n")
            process.stdin.flush()
            speed, kept = json.loads(process.stdout.readline())
            speeds[matcher].append(speed)
            found[matcher] += kept
    for matcher, process in running.items():
        process.communicate()
        facts[matcher] |= {
            "mb_per_s": round(median(speeds[matcher]), 3),
            "share_of_texts": SHARES.get(matcher, 1.0),
            "matches": found[matcher],
        }
    return facts


def scaling(folder: Path) -> dict[str, float]:
    """Return time(2n) / time(n) of the linker, for ordinary and for adversarial texts."""
    from kp_plugin_linkers.config import GazetteerConfig
    from kp_plugin_linkers.gazetteer import GazetteerLinker
    from kp_plugin_linkers.name_build import write_index
    from kp_plugin_linkers.name_index import NameIndex
    from kp_plugin_linkers.names import Names

    from kpframework.api import Context, Mention, Segment

    cases = {
        "definitions": (names(10_000), "é " + " ".join(texts(0.2)), ()),
        "a a a": ([" ".join("a" * k) for k in range(1, 65)], "a " * 4_000, ()),
        "a a a b": ([" ".join("a" * 64) + " b", "a"], "a " * 4_000, ()),
        "a a a, roles": (
            [" ".join("a" * k) for k in range(1, 9)],
            "a " * 4_000,
            tuple(Mention(s, s + 1, role="head") for s in range(0, 8_000, 20)),
        ),
    }
    ratios = {}
    for case, (given, text, roles) in cases.items():
        place = folder / f"scaling-{case.replace(' ', '-').replace(',', '')}"
        place.mkdir(parents=True, exist_ok=True)
        rows = [(name, f"E{i}", 1.0) for i, name in enumerate(given)]
        write_index(lambda rows=rows: rows, "ignore", place)
        linker = GazetteerLinker(GazetteerConfig(min_length=1), Context())
        linker._names = Names(NameIndex(place, "ignore"), "prior")
        half = len(text) // 2
        once = Segment(text[:half], tuple(m for m in roles if m.end <= half))
        twice = Segment(text, (*once.mentions, *(m for m in roles if m.start >= half)))
        linker.link([twice])
        pairs = [(_seconds(linker, once), _seconds(linker, twice)) for _ in range(REPEATS)]
        ratios[case] = round(min(b for _, b in pairs) / min(a for a, _ in pairs), 2)
        print(case, ratios[case], file=sys.stderr, flush=True)
    return ratios


def _seconds(linker: Any, segment: Any) -> float:
    start = time.process_time()
    linker.link([segment])
    return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--megabytes", type=float, default=3.0)
    parser.add_argument("--parts", type=int, default=9)
    parser.add_argument("--matchers", nargs="+", choices=MATCHERS, default=list(MATCHERS))
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--worker", choices=MATCHERS)
    given = parser.parse_args()
    if given.worker:
        worker(given.worker, given.names[0], given.megabytes, given.folder)
        return
    facts: dict[str, Any] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 1),
    }
    if given.scaling:
        facts["time(2n)/time(n)"] = scaling(given.folder)
    for count in given.names:
        facts[str(count)] = compare(count, given)
    facts["load_after"] = round(os.getloadavg()[0], 1)
    print(json.dumps(facts, indent=1))


if __name__ == "__main__":
    main()
