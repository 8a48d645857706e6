"""Turn the Wiki80 part at hand into relation classification with a Wikidata knowledge base.

Writes ``train.jsonl``, ``dev.jsonl``, ``test.jsonl`` and ``triples.tsv``; a line of the former is
``{"id", "text", "head": {"start", "end", "entity"}, "tail": {...}, "label"}`` with character
offsets and Wikidata Q-ids, a line of the latter ``head TAB relation TAB tail``.

The triples are complete: those that join the two ends of an instance ("leaking") are counted here
but left in, to be taken out before entity vectors are trained.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

ROOT = Path(__file__).resolve().parents[1]
WIKI80 = Path("no-licence-stated") / "wiki80-pelt"
WIKIDATA = Path("wikidata")

Triple = tuple[str, str, str]


class Mention(TypedDict):
    """A linked span of the text."""

    start: int
    end: int
    entity: str


class Instance(TypedDict):
    """A sentence with a labelled pair of mentions."""

    id: str
    text: str
    head: Mention
    tail: Mention
    label: str


def read_lines(path: Path) -> Iterator[str]:
    """Yield the lines of a gzipped text file that are not blank."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield line.rstrip("\n")


def to_instance(record: dict[str, Any], identifier: str) -> Instance:
    """Join a record's words by single spaces and turn its word positions into character offsets."""
    starts: list[int] = []
    ends: list[int] = []
    text = ""
    for token in record["token"]:
        word = " ".join(token.split())  # some tokens are nothing but line breaks
        if word and text:
            text += " "
        starts.append(len(text))
        text += word
        ends.append(len(text))

    def mention(end: dict[str, Any]) -> Mention:
        first, last = end["pos"]
        return Mention(start=starts[first], end=ends[last - 1], entity=end["id"])

    return Instance(
        id=identifier,
        text=text,
        head=mention(record["h"]),
        tail=mention(record["t"]),
        label=record["relation"],
    )


def read_instances(data: Path, name: str) -> list[Instance]:
    """Read one of the two Wiki80 files; an instance is named by its file and line."""
    lines = read_lines(data / WIKI80 / f"{name}.jsonl.gz")
    return [to_instance(json.loads(line), f"{name}.{at}") for at, line in enumerate(lines)]


def rank(text: str) -> int:
    """Return a number that depends on nothing but ``text``, for an order free of global state."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def take_dev(instances: list[Instance], per_label: int) -> tuple[list[Instance], list[Instance]]:
    """Split off ``per_label`` instances of every label as (train, dev), in the given order."""
    by_label: defaultdict[str, list[str]] = defaultdict(list)
    for instance in instances:
        by_label[instance["label"]].append(instance["id"])
    chosen = {name for ids in by_label.values() for name in sorted(ids, key=rank)[:per_label]}
    train = [instance for instance in instances if instance["id"] not in chosen]
    return train, [instance for instance in instances if instance["id"] in chosen]


def read_graphs(folder: Path) -> Iterator[Triple]:
    """Yield the triples of WD50K, CoDEx-M and CoDEx-L, whose training file is not there."""
    for name, separator in (("wd50k", ","), ("codex-m", "\t"), ("codex-l", "\t")):
        for split in ("train", "valid", "test"):
            path = folder / name / f"{split}.txt.gz"
            for line in read_lines(path) if path.is_file() else ():
                head, relation, tail = line.split(separator)
                yield head, relation, tail


def read_facts(folder: Path) -> Iterator[Triple]:
    """Yield WikiPeople's facts without qualifiers, where both ends are entities."""
    for split in ("valid", "test"):
        for line in read_lines(folder / "wikipeople" / f"n-ary_{split}.json.gz"):
            fact = json.loads(line)
            ends = {key[-2:]: (key[:-2], fact[key]) for key in fact if key[-2:] in ("_h", "_t")}
            (relation, head), (_, tail) = ends["_h"], ends["_t"]
            if head.startswith("Q") and tail.startswith("Q"):  # other tails are dates and numbers
                yield head, relation, tail


def read_questions(folder: Path) -> Iterator[Triple]:
    """Yield the triples behind SimpleQuestions, where ``R19`` stands for an inverse ``P19``."""
    for split in ("train", "valid", "test"):
        path = folder / "simplequestions" / f"annotated_wd_data_{split}.txt.gz"
        for line in read_lines(path):
            head, relation, tail, _ = line.split("\t")
            if relation.startswith("R"):
                yield tail, "P" + relation[1:], head
            else:
                yield head, relation, tail


def prepare(data: Path, out: Path, dev_per_label: int = 8) -> Counter[str]:
    """Write the splits and the triples to ``out`` and return the counts."""
    train, dev = take_dev(read_instances(data, "train_0.1"), dev_per_label)
    splits = {"train": train, "dev": dev, "test": read_instances(data, "dev")}
    folder = data / WIKIDATA
    triples = sorted({*read_graphs(folder), *read_facts(folder), *read_questions(folder)})
    everything = [instance for instances in splits.values() for instance in instances]
    pairs = {frozenset((each["head"]["entity"], each["tail"]["entity"])) for each in everything}
    leaking = [triple for triple in triples if frozenset(triple[::2]) in pairs]
    joined = {frozenset(triple[::2]) for triple in leaking}
    # An entity whose every triple leaks is out of the knowledge base once those are removed.
    kept = {end for triple in set(triples).difference(leaking) for end in triple[::2]}

    out.mkdir(parents=True, exist_ok=True)
    rows = ("\t".join(triple) + "\n" for triple in triples)
    (out / "triples.tsv").write_text("".join(rows), encoding="utf-8")
    counts: Counter[str] = Counter()
    counts["triples"] = len(triples)
    counts["entities"] = len({end for triple in triples for end in triple[::2]})
    counts["relations"] = len({relation for _, relation, _ in triples})
    counts["leaking triples"] = len(leaking)
    for name, instances in [*splits.items(), ("all", everything)]:
        ends = [(each["head"]["entity"], each["tail"]["entity"]) for each in instances]
        linked = [(head in kept) + (tail in kept) for head, tail in ends]
        counts[f"{name}: instances"] = len(instances)
        counts[f"{name}: labels"] = len({each["label"] for each in instances})
        counts[f"{name}: both ends in KB"] = linked.count(2)
        counts[f"{name}: at least one end"] = len(linked) - linked.count(0)
        counts[f"{name}: leaking pair"] = sum(frozenset(pair) in joined for pair in ends)
    for name, instances in splits.items():
        lines = (json.dumps(instance, ensure_ascii=False) + "\n" for instance in instances)
        (out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    return counts


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=ROOT.parent / "shared" / "data",
        help="folder of the data sets that docs/benchmarks.md lists",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / ".data")
    parser.add_argument("--dev-per-label", type=int, default=8, help="dev instances of a relation")
    args = parser.parse_args(argv)
    for folder in (WIKI80, WIKIDATA):
        if not (args.data / folder).is_dir():
            parser.error(f"{args.data / folder} is missing")
    out = args.out / "wiki80"
    counts = prepare(args.data, out, args.dev_per_label)
    print(f"wrote {out} (coverage is counted after removing leaking triples)")
    for name, count in counts.items():
        total = counts[f"{name.partition(':')[0]}: instances"]
        share = f"{count / total:8.1%}" if name.endswith(("KB", "end", "pair")) else ""
        print(f"{name:32}{count:>9,}{share}")


if __name__ == "__main__":
    main()
