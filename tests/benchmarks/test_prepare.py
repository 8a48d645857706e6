"""The benchmarks' data scripts, on the real data."""

from __future__ import annotations

import importlib.util
import json
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
WORDNET = Path("/usr/share/wordnet")
SPLITS = ("train", "dev", "test")

Records = dict[str, list[dict[str, Any]]]


def load(name: str) -> ModuleType:
    """Import a script of ``benchmarks``, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read(folder: Path) -> Records:
    """Read the three splits of a prepared task."""
    return {
        name: [
            json.loads(line)
            for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        ]
        for name in SPLITS
    }


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture(scope="module")
def semcor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the supersense task, made with the default settings."""
    if not (DATA / "wordnet" / "semcor3.0-sgml.tar.gz").is_file():
        pytest.skip(f"SemCor 3.0 is not in {DATA}")
    if not (WORDNET / "data.noun").is_file():
        pytest.skip(f"WordNet 3.0 is not in {WORDNET}: install Debian's wordnet-base")
    out = tmp_path_factory.mktemp("semcor")
    load("prepare_semcor").main(["--data", str(DATA), "--out", str(out)])
    return out / "semcor"


@pytest.fixture(scope="module")
def wiki80(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the relation task, made with the default settings."""
    if (
        not (DATA / "no-licence-stated" / "wiki80-pelt").is_dir()
        or not (DATA / "wikidata").is_dir()
    ):
        pytest.skip(f"Wiki80 and the Wikidata triples are not in {DATA}")
    out = tmp_path_factory.mktemp("wiki80")
    load("prepare_wiki80").main(["--data", str(DATA), "--out", str(out)])
    return out / "wiki80"


class TestSemCor:
    """The supersense task."""

    def test_sizes(self, semcor: Path) -> None:
        """The default sizes are reached, and training holds every class."""
        splits = read(semcor)
        assert {name: len(records) for name, records in splits.items()} == {
            "train": 3000,
            "dev": 1500,
            "test": 4000,
        }
        labels = {name: {r["labels"][0] for r in records} for name, records in splits.items()}
        assert len(labels["train"]) == 41
        assert labels["dev"] | labels["test"] <= labels["train"]

    def test_no_synset_in_two_splits(self, semcor: Path) -> None:
        """Splits share neither a synset nor an instance."""
        splits = read(semcor)
        for key in ("entity", "id"):
            seen = [{record[key] for record in splits[name]} for name in SPLITS]
            assert len(set.union(*seen)) == sum(map(len, seen))

    def test_spans(self, semcor: Path) -> None:
        """A span is one whole SemCor token with at most four tokens on either side."""
        for record in (record for records in read(semcor).values() for record in records):
            text, start, end = record["text"], record["start"], record["end"]
            assert 0 <= start < end <= len(text)
            assert text == " ".join(text.split())
            assert start == 0 or text[start - 1] == " "
            assert end == len(text) or text[end] == " "

    def test_known_instance(self, semcor: Path) -> None:
        """The entity is the line of WordNet's data file that the label comes from."""
        offsets = {
            pos: {line[:8]: line for line in (WORDNET / name).open(encoding="latin-1")}
            for pos, name in (("n", "data.noun"), ("v", "data.verb"))
        }
        supersenses = load("prepare_semcor").SUPERSENSES
        for record in read(semcor)["test"]:
            offset, pos = record["entity"].split("-")
            fields = offsets[pos][offset].split()
            assert supersenses[int(fields[1])] == record["labels"][0]
            assert record["labels"][0].startswith({"n": "noun.", "v": "verb."}[pos])

    @pytest.mark.usefixtures("semcor")
    def test_sense_keys(self) -> None:
        """Well-known sense keys resolve to their WordNet 3.0 synsets."""
        senses = load("prepare_semcor").read_senses(WORDNET)
        assert senses["dog%1:05:00::"] == ("02084071-n", "noun.animal")
        assert senses["canine%1:05:00::"] == ("02083346-n", "noun.animal")
        assert senses["be%2:42:03::"] == ("02604760-v", "verb.stative")
        assert len(set(senses.values())) == 82115 + 13767  # the synsets of wnstats(7WN)

    def test_runs_are_identical(self, semcor: Path, tmp_path: Path) -> None:
        """A second run writes the same bytes."""
        load("prepare_semcor").main(["--data", str(DATA), "--out", str(tmp_path)])
        assert content(tmp_path / "semcor") == content(semcor)


class TestWiki80:
    """The relation task."""

    def test_sizes(self, wiki80: Path) -> None:
        """Both files are used whole, and dev has eight instances of each of the 80 relations."""
        splits = read(wiki80)
        assert len(splits["train"]) + len(splits["dev"]) == 3665
        assert len(splits["dev"]) == 80 * 8
        assert len(splits["test"]) == 5270
        for records in splits.values():
            assert len({record["label"] for record in records}) == 80

    def test_no_instance_in_two_splits(self, wiki80: Path) -> None:
        """Splits do not share an instance."""
        seen = [{record["id"] for record in records} for records in read(wiki80).values()]
        assert len(set.union(*seen)) == sum(map(len, seen))

    def test_spans(self, wiki80: Path) -> None:
        """Spans are whole words, and the two mentions of an instance do not overlap."""
        for record in (record for records in read(wiki80).values() for record in records):
            text = record["text"]
            assert text == " ".join(text.split())
            for mention in (record["head"], record["tail"]):
                start, end = mention["start"], mention["end"]
                assert 0 <= start < end <= len(text)
                assert text[start:end] == text[start:end].strip()
                assert start == 0 or text[start - 1] == " "
                assert end == len(text) or text[end] == " "
                assert mention["entity"].startswith("Q")
            first, second = sorted((record["head"], record["tail"]), key=lambda m: m["start"])
            assert first["end"] <= second["start"]

    def test_triples(self, wiki80: Path) -> None:
        """The triples are those of the data folder's own count, sorted and without repeats."""
        lines = (wiki80 / "triples.tsv").read_text(encoding="utf-8").splitlines()
        triples = [tuple(line.split("\t")) for line in lines]
        assert len(triples) == 551_921
        assert all(before < after for before, after in pairwise(triples))
        assert len({end for head, _, tail in triples for end in (head, tail)}) == 146_363
        for head, relation, tail in triples:
            assert (head[0], relation[0], tail[0]) == ("Q", "P", "Q")

    def test_coverage(self, wiki80: Path, tmp_path: Path) -> None:
        """About 14 % of the instances have both ends left in the knowledge base."""
        counts = load("prepare_wiki80").prepare(DATA, tmp_path)
        assert content(tmp_path) == content(wiki80)
        assert counts["all: both ends in KB"] / counts["all: instances"] == pytest.approx(
            0.139, abs=0.002
        )
        assert 0 < counts["all: leaking pair"] < counts["all: instances"] / 10
