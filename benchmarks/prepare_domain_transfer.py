"""Few-shot relations in two domains, each with a knowledge base of its own.

Writes to ``.data/domain``:

- ``train.json``, ``dev.json``: Wiki80's instances in FewRel's layout, without the relations of
  val_wiki; the relations of dev are none of train's. ``val_wiki.json.gz``, ``val_pubmed.json.gz``
  and ``names.json.gz`` are FewRel's own files.
- ``biomedical.tsv``: is-a triples between UMLS concepts (CUIs), from the is-a edges of MONDO, the
  Disease Ontology and HPO wherever both terms have a CUI (MONDO's SSSOM crosswalk, the
  cross-references of the others). An edge between terms of several CUIs is one triple for each
  pair. ``labels.tsv`` and ``aliases.tsv`` hold the concepts' names.
- ``wikidata.tsv``: the triples of `prepare_wiki80` that have an end in an instance of Wiki80 or of
  val_wiki. ``both.tsv``: the two joined, without the triples that join the ends of any instance,
  since a spec takes those out for one task at a time.
- ``text.jsonl``: linked passages of both domains in turn, for general map-tuning: as many sentences
  of train, at even distances, as there are unlabelled sentences of abstracts in FewRel 2.0.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prepare_wiki80 import (
    ROOT,
    WIKI80,
    WIKIDATA,
    Instance,
    Triple,
    rank,
    read_facts,
    read_graphs,
    read_instances,
    read_lines,
    read_questions,
)

BIOMED, FEWREL = Path("biomed"), Path("fewrel")
CUI = re.compile(r"C\d{7}")
DEV_RELATIONS = 12

Codes = dict[str, set[str]]
"""The CUIs of each term of an ontology."""
Edge = tuple[str, str]
"""A term and one that it is a kind of."""


def read_table(path: Path, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows of a gzipped table after its header; lines that begin with # are left out."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader((line for line in file if not line.startswith("#")), delimiter=delimiter)
        next(rows)
        yield from rows


class Ontologies:
    """Terms with their CUIs, names and is-a edges, gathered from several ontologies."""

    def __init__(self) -> None:
        self.codes: defaultdict[str, set[str]] = defaultdict(set)
        self.names: defaultdict[str, list[str]] = defaultdict(list)
        self.edges: dict[str, set[Edge]] = {}
        self.counts: Counter[str] = Counter()

    def add_code(self, term: str, code: str) -> None:
        """Note a term's CUI; what is none is counted."""
        if CUI.fullmatch(code):
            self.codes[term].add(code)
        else:
            self.counts["codes that are no CUI"] += 1

    def read_mondo(self, folder: Path) -> None:
        """Read the crosswalk to UMLS and the is-a edges; other edges are counted."""
        for term, label, predicate, code, *_ in read_table(
            folder / "mondo_exactmatch_umls.sssom.tsv.gz", "\t"
        ):
            space, _, own = code.partition(":")
            if predicate == "skos:exactMatch" and space == "UMLS":
                self.add_code(term, own)
                self.names[term].append(label)
        edges = self.edges.setdefault("MONDO", set())
        for _, child, predicate, parent, *_ in read_table(folder / "mondo-rare_edges.tsv.gz", "\t"):
            if predicate == "biolink:subclass_of":
                edges.add((child, parent))
            else:
                self.counts["MONDO edges that are not is-a"] += 1

    def read_doid(self, folder: Path) -> None:
        """Read cross-references, the terms with their parents' labels, and the older is-a table."""
        for term, label, code in read_table(folder / "allXREFinDO.tsv.gz", "\t"):
            space, _, own = code.partition(":")
            if space == "UMLS_CUI":
                self.add_code(term, own)
                self.names[term].append(label)
        terms = list(read_table(folder / "HumanDO.tsv.gz", "\t"))
        labelled = defaultdict(set)
        for term, label, _ in terms:
            labelled[label].add(term)
        edges = self.edges.setdefault("DO", set())
        for term, _, parent in terms:
            edges.update((term, own) for own in labelled.get(parent, ()))
            self.counts["DO terms whose parent is not in the table"] += parent not in labelled
        older = self.edges.setdefault("DO, older table", set())
        for child, _, parent, _ in read_table(folder / "doid-subClasses.csv.gz", ","):
            if child.startswith("DOID:") and parent.startswith("DOID:"):
                older.add((child, parent))

    def read_hpo(self, path: Path) -> None:
        """Read the terms of an OBO file: cross-references, names, exact synonyms, is-a."""
        edges = self.edges.setdefault("HPO", set())
        term = ""
        for line in read_lines(path):
            key, _, value = line.partition(": ")
            if line.startswith("["):
                term = ""
                in_term = line == "[Term]"
            elif key == "id" and in_term:
                term = value
            elif not term:
                continue
            elif key == "xref" and value.startswith("UMLS:"):
                self.add_code(term, value.split()[0].partition(":")[2])
            elif key == "name":
                self.names[term].append(value)
            elif key == "synonym" and '" EXACT' in value:
                self.names[term].append(value.split('"')[1])
            elif key == "is_a":
                edges.add((term, value.split()[0]))

    def triples(self, *sources: str) -> set[Triple]:
        """Return the is-a triples between the CUIs of some sources, or all; none to itself."""
        return {
            (head, "is_a", tail)
            for source in sources or self.edges
            for child, parent in self.edges[source]
            for head in self.codes.get(child, ())
            for tail in self.codes.get(parent, ())
            if head != tail
        }

    def concept_names(self, concepts: Iterable[str]) -> dict[str, list[str]]:
        """Return the names of each concept, those of its first term first."""
        named: dict[str, dict[str, None]] = {concept: {} for concept in concepts}
        for term in sorted(self.codes):
            for code in self.codes[term] & named.keys():
                named[code].update(dict.fromkeys(self.names[term]))
        return {concept: list(own) for concept, own in named.items() if own}


def read_ontologies(folder: Path) -> Ontologies:
    """Read the three ontologies of a ``biomed`` folder."""
    found = Ontologies()
    found.read_mondo(folder / "mondo")
    found.read_doid(folder / "doid")
    found.read_hpo(folder / "hpo" / "hp.obo.gz")
    return found


def fewrel_record(instance: Instance) -> dict[str, Any]:
    """Return an instance with character spans as `relation_instance` reads it."""
    keys = ("text", "head", "tail")
    return {key: instance[key] for key in keys} | {"label": instance["label"]}


def split_relations(instances: Sequence[Instance], without: set[str]) -> dict[str, list[Instance]]:
    """Return train and dev, of different relations, without those of the test."""
    relations = sorted({own["label"] for own in instances} - without, key=rank)
    dev = set(relations[:DEV_RELATIONS])
    kept = [own for own in instances if own["label"] not in without]
    return {
        "train": [own for own in kept if own["label"] not in dev],
        "dev": [own for own in kept if own["label"] in dev],
    }


def passage(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return one of FewRel's records as a text with two linked mentions."""
    tokens, mentions = record["tokens"], []
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token) + 1)
    for _, entity, places in (record["h"], record["t"]):
        first, last = places[0][0], places[0][-1]
        end = starts[last] + len(tokens[last])
        mentions.append({"start": starts[first], "end": end, "entity": entity})
    return {"text": " ".join(tokens), "mentions": mentions}


def read_json(path: Path) -> Any:
    """Read a gzipped JSON file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return json.load(file)


def ends_of(records: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, str]]:
    """Return head and tail of every instance of a file of FewRel's."""
    return [(own["h"][1], own["t"][1]) for group in records.values() for own in group]


def count_coverage(
    counts: Counter[str], name: str, ends: Sequence[tuple[str, str]], triples: Iterable[Triple]
) -> None:
    """Count instances, those with one and both ends in a knowledge base, and leaking pairs."""
    pairs = {frozenset(end) for end in ends}
    joined = {frozenset(triple[::2]) for triple in triples} & pairs
    kept = {e for t in triples if frozenset(t[::2]) not in pairs for e in t[::2]}
    known = [sum(end in kept for end in own) for own in ends]
    counts[f"{name}: instances"] = len(ends)
    counts[f"{name}: both ends in KB"] = known.count(2)
    counts[f"{name}: at least one end"] = len(known) - known.count(0)
    counts[f"{name}: leaking pair"] = sum(frozenset(own) in joined for own in ends)


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a file."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def prepare(data: Path, out: Path) -> Counter[str]:
    """Write everything to ``out`` and return the counts."""
    out.mkdir(parents=True, exist_ok=True)
    names = {key: own[0] for key, own in read_json(data / FEWREL / "pid2name.json.gz").items()}
    wiki = read_json(data / FEWREL / "val_wiki.json.gz")
    pubmed = read_json(data / FEWREL / "val_pubmed.json.gz")
    everything = read_instances(data, "train_0.1") + read_instances(data, "dev")
    splits = split_relations(everything, {names.get(key, key) for key in wiki} | set(wiki))
    counts: Counter[str] = Counter()
    for name, instances in splits.items():
        write_lines(out / f"{name}.json", (json.dumps(fewrel_record(own)) for own in instances))
        counts[f"{name}: instances"] = len(instances)
        counts[f"{name}: relations"] = len({own["label"] for own in instances})
    for source, target in (
        ("val_wiki", "val_wiki"),
        ("val_pubmed", "val_pubmed"),
        ("pid2name", "names"),
    ):
        shutil.copyfile(data / FEWREL / f"{source}.json.gz", out / f"{target}.json.gz")

    ontologies = read_ontologies(data / BIOMED)
    biomedical = ontologies.triples()
    concepts = {end for triple in biomedical for end in triple[::2]}
    write_lines(out / "biomedical.tsv", ("\t".join(own) for own in sorted(biomedical)))
    named = ontologies.concept_names(sorted(concepts))
    write_lines(out / "labels.tsv", (f"{key}\t{own[0]}" for key, own in named.items()))
    write_lines(
        out / "aliases.tsv",
        ("\t".join((key, *own[1:])) for key, own in named.items() if len(own) > 1),
    )
    for source in ontologies.edges:
        counts[f"biomedical triples of {source}"] = len(ontologies.triples(source))
    counts["biomedical triples"] = len(biomedical)
    counts["biomedical concepts"] = len(concepts)
    counts["biomedical concepts with a name"] = len(named)
    counts.update(ontologies.counts)

    folder = data / WIKIDATA
    triples = {*read_graphs(folder), *read_facts(folder), *read_questions(folder)}
    train = [(own["head"]["entity"], own["tail"]["entity"]) for own in everything]
    seen = {end for own in (*train, *ends_of(wiki)) for end in own}
    wikidata = {own for own in triples if own[0] in seen or own[2] in seen}
    write_lines(out / "wikidata.tsv", ("\t".join(own) for own in sorted(wikidata)))
    counts["wikidata triples"] = len(wikidata)
    counts["wikidata entities"] = len({end for own in wikidata for end in own[::2]})
    pairs = {frozenset(own) for own in (*train, *ends_of(wiki), *ends_of(pubmed))}
    both = [own for own in sorted(wikidata | biomedical) if frozenset(own[::2]) not in pairs]
    write_lines(out / "both.tsv", ("\t".join(own) for own in both))
    counts["triples of both, without leaking ones"] = len(both)
    count_coverage(counts, "wiki", ends_of(wiki), wikidata)
    count_coverage(counts, "pubmed", ends_of(pubmed), biomedical)

    abstracts = [passage(own) for own in read_json(data / FEWREL / "pubmed_unsupervised.json.gz")]
    train_set = splits["train"]
    chosen = [train_set[i * len(train_set) // len(abstracts)] for i in range(len(abstracts))]
    sentences = [
        {"text": own["text"], "mentions": [dict(own["head"]), dict(own["tail"])]} for own in chosen
    ]
    in_turn = [own for pair in zip(sentences, abstracts, strict=True) for own in pair]
    write_lines(out / "text.jsonl", map(json.dumps, in_turn))
    counts["passages of each domain"] = len(abstracts)
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
    args = parser.parse_args(argv)
    for folder in (WIKI80, WIKIDATA, FEWREL, BIOMED):
        if not (args.data / folder).is_dir():
            parser.error(f"{args.data / folder} is missing")
    out = args.out / "domain"
    counts = prepare(args.data, out)
    print(f"wrote {out} (coverage is counted after removing leaking triples)")
    for name, count in counts.items():
        total = counts.get(f"{name.partition(':')[0]}: instances")
        share = f"{count / total:8.1%}" if name.endswith(("KB", "end", "pair")) and total else ""
        print(f"{name:44}{count:>9,}{share}")


if __name__ == "__main__":
    main()
