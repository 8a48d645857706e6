"""Prepare the columns of ``benchmarks/methods``: one table of every method on every task.

Writes into ``.data/methods``, beside what ``prepare_semcor.py`` and ``prepare_wiki80.py`` write:

``triples.tsv``, ``triples-few-shot.tsv``, ``triples-typing.tsv``, ``triples-cloze.tsv``
    Wikidata as ``prepare_wiki80.py`` reads it, relations by name. For few-shot, without every
    triple that joins the two ends of an instance; for typing, without what gives types; for cloze,
    with the facts that are asked about.
``labels.json``
    Names of the entities, as far as any file at hand tells them.
``<column>/passages.jsonl``
    Linked passages, for methods that read a corpus: half of them (at most) with two mentions that
    a triple joins, then those that mention entities of the test. None is a text of the task.
``few-shot``, ``wikidata-typing``, ``cloze-qa``
    The splits of these columns.
"""

from __future__ import annotations

import argparse
import gzip
import json
import tarfile
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from methods_passages import Passage, choose, glosses, linked_text, normal
from prepare_semcor import rank
from prepare_wiki80 import (
    WIKI80,
    WIKIDATA,
    Triple,
    read_facts,
    read_graphs,
    read_lines,
    read_questions,
    to_instance,
)

ROOT = Path(__file__).resolve().parents[1]
XFACTR = Path("no-licence-stated") / "x-factr"
FEWREL = Path("fewrel")
TYPES = WIKIDATA / "codex-types"
QUESTIONS = WIKIDATA / "entityquestions" / "relation_query_templates.json"
PASSAGES = 300
# Of the splits that others prepare, as the column's spec limits them.
LIMITS = {"semcor": {"dev": 120, "test": 500}}
FREQUENT = 50
PER_ENTITY = 4
WINDOW = 6
# Of a typed entity's triples of these relations 100 % and 59 % end in one of its types; no other
# relation with more than a hundred such triples reaches 5 %.
TYPE_GIVING = frozenset({"P31", "P279"})
DEV_RELATIONS = 6

Record = dict[str, Any]


def read_json(path: Path) -> Any:
    """Return what a gzipped JSON file holds."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Write JSON lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.write_text("".join(lines), encoding="utf-8")


def relation_names(data: Path) -> dict[str, str]:
    """Return a name for each relation; where two have the same, their ids are added."""
    names = {key: own[0] for key, own in read_json(data / FEWREL / "pid2name.json.gz").items()}
    for key, own in read_json(data / TYPES / "relations.json.gz").items():
        names.setdefault(key, own["label"])
    counts = Counter(names.values())
    return {key: name if counts[name] == 1 else f"{name} {key}" for key, name in names.items()}


def write_triples(path: Path, triples: Iterable[Triple], names: dict[str, str]) -> None:
    """Write triples with their relations by name, which is how methods that show text say them."""
    rows = (f"{head}\t{names.get(between, between)}\t{tail}\n" for head, between, tail in triples)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(sorted(rows)), encoding="utf-8")


def read_fewrel(path: Path) -> dict[str, list[Record]]:
    """Return FewRel's instances by relation."""
    found: dict[str, list[Record]] = read_json(path)
    return found


def fewrel_passage(record: Record) -> Passage:
    """Join a FewRel instance's words and link its two mentions."""
    ends = []
    for key in ("h", "t"):
        name, entity, positions = record[key]
        ends.append({"name": name, "id": entity, "pos": [positions[0][0], positions[0][-1] + 1]})
    return wiki80_passage({"token": record["tokens"], "h": ends[0], "t": ends[1], "relation": ""})


def wiki80_passage(record: Record) -> Passage:
    """Join a Wiki80 instance's words and link its two mentions."""
    made = to_instance(record, "")
    return {"text": made["text"], "mentions": [dict(made["head"]), dict(made["tail"])]}


def read_xfactr(data: Path) -> Iterator[Record]:
    """Yield X-FACTR's facts, each once, in the order of their relations."""
    seen: set[Triple] = set()
    for name in ("mTREx", "mTRExf"):
        with tarfile.open(data / XFACTR / f"{name}.tar.gz") as tar:
            for member in sorted(tar.getmembers(), key=lambda member: member.name):
                stream = tar.extractfile(member)
                for line in stream or ():
                    fact = json.loads(line)
                    key = fact["sub_uri"], fact["predicate_id"], fact["obj_uri"]
                    if key not in seen and fact["sub_label"] and fact["obj_label"]:
                        seen.add(key)
                        yield fact


def read_labels(
    data: Path, facts: Iterable[Record], passages: Iterable[Passage], known: Collection[str]
) -> dict[str, str]:
    """Return names of the known entities; the first file that names one decides.

    Descriptions are left out: they tell types and facts that leakage control takes from triples.
    """
    labels: dict[str, str] = {}
    for own in read_json(data / WIKIDATA / "labels" / "fb15k_entity2wikidata.json.gz").values():
        labels.setdefault(own.get("wikidata_id") or "", own.get("label") or "")
    for key, own in read_json(data / TYPES / "types.json.gz").items():
        labels.setdefault(key, own["label"])
    for fact in facts:
        for end in ("sub", "obj"):
            labels.setdefault(fact[f"{end}_uri"], fact[f"{end}_label"])
    for passage in passages:
        for mention in passage["mentions"]:
            labels.setdefault(mention["entity"], passage["text"][mention["start"] : mention["end"]])
    return {key: name.strip() for key, name in labels.items() if name.strip() and key in known}


def pair_of(passage: Passage) -> frozenset[str]:
    """Return the two entities of a relation instance."""
    return frozenset(mention["entity"] for mention in passage["mentions"])


def few_shot(
    data: Path, out: Path, wiki80: Sequence[Record], names: dict[str, str]
) -> tuple[list[Passage], Counter[str]]:
    """Write episodes' instances and return the passages of all splits.

    Trained on are the relations of Wiki80 that neither ``val_wiki`` nor ``val_nyt`` has, but for a
    few that dev episodes are drawn from.
    """
    counts: Counter[str] = Counter()
    tests = {
        name: read_fewrel(data / FEWREL / f"{name}.json.gz")
        for name in ("val_wiki", "val_nyt", "val_pubmed")
    }
    tested = {names.get(key, key) for own in tests.values() for key in own}
    untested = sorted({each["relation"] for each in wiki80} - tested, key=rank)
    held_out = set(untested[:DEV_RELATIONS])
    texts = {
        normal(fewrel_passage(each)["text"])
        for own in tests.values()
        for instances in own.values()
        for each in instances
    }
    splits: dict[str, list[Record]] = {"train": [], "dev": []}
    for each in wiki80:
        if each["relation"] in tested or normal(wiki80_passage(each)["text"]) in texts:
            continue
        splits["dev" if each["relation"] in held_out else "train"].append(each)
    for name, chosen in splits.items():
        write_lines(out / f"{name}.jsonl", chosen)
        counts[f"{name}: relations"] = len({each["relation"] for each in chosen})
        counts[f"{name}: instances"] = len(chosen)
    passages = [wiki80_passage(each) for own in splits.values() for each in own]
    for name, own in tests.items():
        (out / f"{name}.json").write_text(json.dumps(own, ensure_ascii=False), encoding="utf-8")
        passages += [fewrel_passage(each) for instances in own.values() for each in instances]
        counts[f"{name}: relations"] = len(own)
        counts[f"{name}: instances"] = sum(map(len, own.values()))
    return passages, counts


def typed_mentions(
    passages: Iterable[Passage], types: dict[str, set[str]], names: dict[str, str]
) -> list[Record]:
    """Return mentions that have a frequent type, in a window of words, some of each entity.

    A type is frequent with 50 mentions or more, counted before the mentions of an entity are
    limited.
    """
    counts: Counter[str] = Counter()
    mentions = []
    seen: set[tuple[str, str]] = set()
    for passage in passages:
        for mention in passage["mentions"]:
            key = normal(passage["text"]), mention["entity"]
            if mention["entity"] in types:
                counts.update(types[mention["entity"]])
                if key not in seen:
                    seen.add(key)
                    mentions.append((passage["text"], mention))
    frequent = {name for name, count in counts.items() if count >= FREQUENT}
    taken: Counter[str] = Counter()
    made = []
    for text, mention in sorted(mentions, key=lambda own: rank(own[0] + own[1]["entity"])):
        entity = mention["entity"]
        labels = sorted(names.get(own, own) for own in types[entity] & frequent)
        if not labels or taken[entity] == PER_ENTITY:
            continue
        taken[entity] += 1
        before = " ".join(text[: mention["start"]].split()[-WINDOW:])
        after = " ".join(text[mention["end"] :].split()[:WINDOW])
        name = text[mention["start"] : mention["end"]]
        start = len(before) + bool(before)
        made.append(
            {
                "text": " ".join(part for part in (before, name, after) if part),
                "start": start,
                "end": start + len(name),
                "entity": entity,
                "labels": labels,
            }
        )
    return made


def split_by(records: Iterable[Record], keys: Iterable[str]) -> dict[str, list[Record]]:
    """Give all records of a key to one split: 50, 10 and 40 of a hundred keys."""
    splits: dict[str, list[Record]] = {"train": [], "dev": [], "test": []}
    for record, key in zip(records, keys, strict=True):
        share = rank(key) % 100
        splits["train" if share < 50 else "dev" if share < 60 else "test"].append(record)
    return splits


def typing(
    out: Path, passages: Sequence[Passage], types: dict[str, set[str]], names: dict[str, str]
) -> tuple[dict[str, list[Record]], Counter[str]]:
    """Write the typing task, split by entity."""
    records = typed_mentions(passages, types, names)
    splits = split_by(records, (each["entity"] for each in records))
    counts: Counter[str] = Counter()
    for name, own in splits.items():
        write_lines(out / f"{name}.jsonl", own)
        counts[f"{name}: instances"] = len(own)
        counts[f"{name}: entities"] = len({each["entity"] for each in own})
        counts[f"{name}: types"] = len({label for each in own for label in each["labels"]})
    return splits, counts


def cloze(
    data: Path, out: Path, facts: Sequence[Record]
) -> tuple[dict[str, list[Record]], Counter[str]]:
    """Write the facts that EntityQuestions has a template for, split by subject."""
    found = json.loads((data / QUESTIONS).read_text(encoding="utf-8"))
    templates = {key: text for key, text in found.items() if "_" not in key}
    out.mkdir(parents=True, exist_ok=True)
    (out / "templates.json").write_text(json.dumps(templates, indent=1), encoding="utf-8")
    asked = sorted(
        (own for own in facts if own["predicate_id"] in templates),
        key=lambda own: (rank(own["sub_uri"]), own["predicate_id"], own["obj_uri"]),
    )
    splits = split_by(asked, (own["sub_uri"] for own in asked))
    counts: Counter[str] = Counter()
    for name, own in splits.items():
        write_lines(
            out / f"{name}.jsonl",
            (
                {
                    "sub": {"id": each["sub_uri"], "label": each["sub_label"]},
                    "rel": each["predicate_id"],
                    "obj": {"id": each["obj_uri"], "label": each["obj_label"]},
                }
                for each in own
            ),
        )
        counts[f"{name}: facts"] = len(own)
        counts[f"{name}: subjects"] = len({each["sub_uri"] for each in own})
        counts[f"{name}: relations"] = len({each["predicate_id"] for each in own})
    return splits, counts


def unjoined(triples: Iterable[Triple], passages: Iterable[Passage]) -> list[Triple]:
    """Return the triples that join the two ends of no instance, in either direction."""
    pairs = {pair_of(each) for each in passages}
    return [triple for triple in triples if frozenset(triple[::2]) not in pairs]


def read_split(folder: Path, name: str) -> list[Record]:
    """Return the examples of a prepared split."""
    lines = (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def prepare(data: Path, wordnet: Path, out: Path) -> dict[str, Counter[str]]:
    """Write the columns' data below ``out`` and return the counts of each."""
    own = out / "methods"
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    splits = {name: read_split(out / "semcor", name) for name in ("train", "dev", "test")}
    chosen = glosses(wordnet, splits, LIMITS["semcor"], PASSAGES)
    write_lines(own / "semcor" / "passages.jsonl", chosen)
    counts["semcor"]["passages"] = len(chosen)

    names = relation_names(data)
    folder = data / WIKIDATA
    triples = sorted({*read_graphs(folder), *read_facts(folder), *read_questions(folder)})
    facts = list(read_xfactr(data))
    asked = {(each["sub_uri"], each["predicate_id"], each["obj_uri"]) for each in facts}
    wiki80 = [
        json.loads(line)
        for name in ("dev", "train_0.1")
        for line in read_lines(data / WIKI80 / f"{name}.jsonl.gz")
    ]
    episodes, counts["few-shot"] = few_shot(data, own / "few-shot", wiki80, names)
    fewrel = [
        fewrel_passage(each)
        for name in ("val_wiki", "val_nyt")
        for instances in read_fewrel(data / FEWREL / f"{name}.json.gz").values()
        for each in instances
    ]
    sentences = [*fewrel, *map(wiki80_passage, wiki80)]
    text = list(linked_text(data))
    types = {
        key: set(found) for key, found in read_json(data / TYPES / "entity2types.json.gz").items()
    }
    for head, relation, tail in triples:
        if relation == "P31":
            types.setdefault(head, set()).add(tail)
    type_names = read_json(data / TYPES / "types.json.gz")
    typed, counts["wikidata-typing"] = typing(
        own / "wikidata-typing",
        sentences,
        types,
        {key: each["label"] or key for key, each in type_names.items()},
    )
    questions, counts["cloze-qa"] = cloze(data, own / "cloze-qa", facts)

    known = {end for triple in (*triples, *asked) for end in triple[::2]}
    labels = read_labels(data, facts, [*sentences, *text], known)
    (own / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), encoding="utf-8")
    tables = {
        "wiki80": ("triples", triples),
        "few-shot": ("triples-few-shot", unjoined(triples, [*sentences, *episodes])),
        "wikidata-typing": (
            "triples-typing",
            [triple for triple in triples if triple[1] not in TYPE_GIVING],
        ),
        "cloze-qa": ("triples-cloze", sorted({*triples, *asked})),
    }
    whole = {name: read_split(out / "wiki80", name) for name in ("train", "dev", "test")}
    ends = [
        {"text": each["text"], "mentions": [each["head"], each["tail"]]}
        for split in whole.values()
        for each in split
    ]
    # For each column the texts no passage may repeat, and the entities it had better mention.
    tasks: dict[str, tuple[Collection[str], Collection[str], list[Passage]]] = {
        "wiki80": (
            {each["text"] for each in ends},
            {each[end]["entity"] for each in whole["test"] for end in ("head", "tail")},
            fewrel,
        ),
        "few-shot": (
            {each["text"] for each in episodes},
            {mention["entity"] for each in fewrel for mention in each["mentions"]},
            sentences,
        ),
        "wikidata-typing": (
            {
                each["text"]
                for each in sentences
                if any(m["entity"] in types for m in each["mentions"])
            },
            {each["entity"] for each in typed["test"]},
            sentences,
        ),
        "cloze-qa": ((), {each["sub_uri"] for each in questions["test"]}, sentences),
    }
    for column, (table, kept) in tables.items():
        write_triples(own / f"{table}.tsv", kept, names)
        seen, wanted, pool = tasks[column]
        # Leaking pairs are taken out of Wiki80's triples by its spec: no fact to read in a passage.
        clean = unjoined(kept, ends) if column == "wiki80" else kept
        passages = choose([*text, *pool], clean, seen, wanted, PASSAGES)
        write_lines(own / column / "passages.jsonl", passages)
        counts[column]["triples"] = len(kept)
        counts[column]["passages"] = len(passages)
        joined = {frozenset(triple[::2]) for triple in clean}
        found = {mention["entity"] for each in passages for mention in each["mentions"]}
        counts[column]["passages: entities of the test"] = len(found.intersection(wanted))
        counts[column]["passages: with a fact"] = sum(
            any(pair in joined for pair in pairs_of(each)) for each in passages
        )
    return counts


def pairs_of(passage: Passage) -> Iterator[frozenset[str]]:
    """Yield every pair of entities of a passage."""
    found = sorted({mention["entity"] for mention in passage["mentions"]})
    for at, first in enumerate(found):
        for second in found[at + 1 :]:
            yield frozenset((first, second))


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
    args = parser.parse_args(argv)
    for path in (args.data / WIKI80, args.data / WIKIDATA, args.wordnet / "data.noun"):
        if not path.exists():
            parser.error(f"{path} is missing")
    for name in ("semcor", "wiki80"):
        if not (args.out / name / "test.jsonl").is_file():
            parser.error(f"{args.out / name} is missing: run prepare_{name}.py first")
    for column, counts in prepare(args.data, args.wordnet, args.out).items():
        for name, count in counts.items():
            print(f"{column:16} {name:34}{count:>9,}")


if __name__ == "__main__":
    main()
