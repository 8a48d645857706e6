"""Turn SemCor 3.0 into a low-resource supersense typing task, split by synset.

Writes ``train.jsonl``, ``dev.jsonl`` and ``test.jsonl``; a line is
``{"id", "text", "start", "end", "labels": [supersense], "entity": synset id}``. ``text`` is a
window of words around the tagged one, ``start`` and ``end`` are the character offsets of that word.

A synset id is ``"<offset>-<pos>"``: the synset's eight-digit offset in WordNet 3.0's ``data.<pos>``
file and one of ``n``, ``v``, ``a`` or ``r`` (satellite adjectives, which live in ``data.adj`` too,
are ``a``), e.g. ``02084442-n``. No synset of the dev or test split occurs in training.

Sense keys are rebuilt from the data files: Debian's ``wordnet-base`` has no ``index.sense``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

ROOT = Path(__file__).resolve().parents[1]
ARCHIVE = Path("wordnet") / "semcor3.0-sgml.tar.gz"
DATA_FILES = {"n": "data.noun", "v": "data.verb"}
SS_TYPES = {"n": 1, "v": 2}
# In the order of WordNet's lexicographer files (lexnames(5WN)), of which these are 3 to 43.
SUPERSENSES: dict[int, str] = dict(
    enumerate(
        [
            "noun.Tops",
            "noun.act",
            "noun.animal",
            "noun.artifact",
            "noun.attribute",
            "noun.body",
            "noun.cognition",
            "noun.communication",
            "noun.event",
            "noun.feeling",
            "noun.food",
            "noun.group",
            "noun.location",
            "noun.motive",
            "noun.object",
            "noun.person",
            "noun.phenomenon",
            "noun.plant",
            "noun.possession",
            "noun.process",
            "noun.quantity",
            "noun.relation",
            "noun.shape",
            "noun.state",
            "noun.substance",
            "noun.time",
            "verb.body",
            "verb.change",
            "verb.cognition",
            "verb.communication",
            "verb.competition",
            "verb.consumption",
            "verb.contact",
            "verb.creation",
            "verb.emotion",
            "verb.motion",
            "verb.perception",
            "verb.possession",
            "verb.social",
            "verb.stative",
            "verb.weather",
        ],
        start=3,
    )
)
# Words kept on either side of the tagged one.
CONTEXT = 4
SPLITS = ("train", "dev", "test")
_TOKEN = re.compile(r"<(wf|punc)([^>]*)>([^<]*)</\1>")
_ATTRIBUTE = re.compile(r"(\w+)=(\S+)")


class Instance(TypedDict):
    """One tagged word in its window."""

    id: str
    text: str
    start: int
    end: int
    labels: list[str]
    entity: str


class Sense(NamedTuple):
    """What a sense key stands for."""

    synset: str
    supersense: str


def read_senses(wordnet: Path) -> dict[str, Sense]:
    """Map the sense key of every noun and verb in WordNet's data files to its synset."""
    senses: dict[str, Sense] = {}
    for pos, name in DATA_FILES.items():
        with (wordnet / name).open(encoding="latin-1") as lines:
            for line in lines:
                if line.startswith("  "):  # the licence at the top of each data file
                    continue
                fields = line.split()
                lexfile = int(fields[1])
                sense = Sense(f"{fields[0]}-{pos}", SUPERSENSES[lexfile])
                for index in range(int(fields[3], 16)):
                    lemma = fields[4 + 2 * index].lower()
                    lex_id = int(fields[5 + 2 * index], 16)
                    senses[f"{lemma}%{SS_TYPES[pos]}:{lexfile:02d}:{lex_id:02d}::"] = sense
    return senses


def read_sentences(archive: Path) -> Iterator[tuple[str, list[tuple[str, dict[str, str]]]]]:
    """Yield every SemCor sentence as its id and its (word, attributes) pairs, by file name."""
    with tarfile.open(archive) as tar:
        members = [member for member in tar.getmembers() if "/tagfiles/" in member.name]
        for member in sorted(members, key=lambda member: member.name):
            stream = tar.extractfile(member)
            if stream is None:
                continue
            sentences = stream.read().decode("latin-1").split("<s snum=")[1:]
            for number, sentence in enumerate(sentences, start=1):
                words = [
                    (" ".join(word.replace("_", " ").split()), dict(_ATTRIBUTE.findall(attributes)))
                    for _, attributes, word in _TOKEN.findall(sentence)
                ]
                yield f"{Path(member.name).name}.{number}", [pair for pair in words if pair[0]]


def read_instances(
    archive: Path, senses: dict[str, Sense], counts: Counter[str]
) -> Iterator[Instance]:
    """Yield the words tagged with exactly one resolvable noun or verb sense, and count the rest."""
    for sentence, tokens in read_sentences(archive):
        words = [word for word, _ in tokens]
        for position, (word, attributes) in enumerate(tokens):
            tags = attributes.get("lexsn", "").split(";")
            keys = [tag for tag in tags if tag[:2] in ("1:", "2:")]
            if not keys:
                continue
            counts["noun and verb tags"] += 1
            if "pn" in attributes:
                # A name is tagged with the synset of its class ("person"), which is not its sense.
                counts["left out: proper name"] += 1
                continue
            found = {senses.get(f"{attributes['lemma'].lower()}%{key}") for key in keys}
            sense = found.pop()
            if found:
                counts["left out: several senses"] += 1
                continue
            if sense is None:
                counts["left out: unknown sense key"] += 1
                continue
            left = words[max(0, position - CONTEXT) : position]
            right = words[position + 1 : position + 1 + CONTEXT]
            start = len(" ".join([*left, ""]))
            counts["usable"] += 1
            yield Instance(
                id=f"{sentence}.{position}",
                text=" ".join([*left, word, *right]),
                start=start,
                end=start + len(word),
                labels=[sense.supersense],
                entity=sense.synset,
            )


def rank(text: str) -> int:
    """Return a number that depends on nothing but ``text``, for an order free of global state."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def split_by_synset(
    instances: Iterable[Instance], sizes: dict[str, int], per_synset: int
) -> dict[str, list[Instance]]:
    """Give every synset to one split, in proportion to ``sizes``, and draw that many instances.

    A synset adds at most ``per_synset`` instances, so that a few frequent verbs do not fill a
    split.
    """
    total = sum(sizes.values())
    drawn: dict[str, list[Instance]] = {name: [] for name in SPLITS}
    taken: Counter[str] = Counter()
    for instance in sorted(instances, key=lambda instance: rank(instance["id"])):
        synset = instance["entity"]
        share = rank(synset) % total
        name = SPLITS[0 if share < sizes["train"] else 1 if share < total - sizes["test"] else 2]
        if taken[synset] < per_synset and len(drawn[name]) < sizes[name]:
            taken[synset] += 1
            drawn[name].append(instance)
    return drawn


def prepare(
    data: Path,
    wordnet: Path,
    out: Path,
    sizes: dict[str, int],
    per_synset: int = 3,
) -> Counter[str]:
    """Write the three splits to ``out`` and return the counts of what was read and written."""
    counts: Counter[str] = Counter()
    senses = read_senses(wordnet)
    instances = read_instances(data / ARCHIVE, senses, counts)
    splits = split_by_synset(instances, sizes, per_synset)
    out.mkdir(parents=True, exist_ok=True)
    for name, chosen in splits.items():
        lines = (json.dumps(instance, ensure_ascii=False) + "\n" for instance in chosen)
        (out / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
        counts[f"{name}: instances"] = len(chosen)
        counts[f"{name}: synsets"] = len({instance["entity"] for instance in chosen})
        counts[f"{name}: classes"] = len({instance["labels"][0] for instance in chosen})
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
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / ".data")
    parser.add_argument("--train", type=int, default=3000, help="training instances")
    parser.add_argument("--dev", type=int, default=1500, help="dev instances")
    parser.add_argument("--test", type=int, default=4000, help="test instances")
    parser.add_argument("--per-synset", type=int, default=3, help="instances of one synset at most")
    args = parser.parse_args(argv)
    for path, source in (
        (args.data / ARCHIVE, "SemCor 3.0"),
        (args.wordnet / "data.noun", "Debian's package wordnet-base"),
    ):
        if not path.is_file():
            parser.error(f"{path} is missing ({source})")
    sizes = {name: getattr(args, name) for name in SPLITS}
    out = args.out / "semcor"
    counts = prepare(args.data, args.wordnet, out, sizes, args.per_synset)
    print(f"wrote {out}")
    for name, count in counts.items():
        print(f"{name:32}{count:>9,}")


if __name__ == "__main__":
    main()
