"""A small world in the layout of the real data that ``benchmarks/prepare_methods.py`` reads."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

RELATIONS = 22
ENTITIES = 120
PLACES = ("london", "paris", "berlin", "rome")
NOUNS = (
    '00000001 03 n 01 animal 0 001 ~ 00000002 n 0000 | a living organism; "an animal"',
    "00000002 05 n 02 dog 0 hound 0 001 @ 00000001 n 0000 | an animal that barks",
    "00000003 05 n 01 cat 0 001 @ 00000001 n 0000 | an animal that purrs",
)


def packed(path: Path, text: str) -> None:
    """Write a gzipped file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode(), mtime=0))


def lines(records: list[Any]) -> str:
    """Return JSON lines."""
    return "".join(json.dumps(record) + "\n" for record in records)


def name(entity: int) -> str:
    """Return what an entity is called."""
    return f"thing{entity}"


def ends(relation: int, number: int) -> tuple[int, int]:
    """Return the two entities of an instance."""
    return (relation * 5 + number) % ENTITIES, (relation * 5 + number * 7 + 1) % ENTITIES


def words(relation: int, number: int, head: int, tail: int) -> list[str]:
    """Return a sentence, whose words 2 and 5 are the two entities."""
    return ["the", "old", name(head), "is", f"verb{relation}", name(tail), f"in{number}", "."]


def wiki80(first: int, count: int) -> list[Any]:
    """Return instances of every relation, as Wiki80's files have them."""
    made = []
    for relation in range(RELATIONS):
        for number in range(first, first + count):
            head, tail = ends(relation, number)
            token = words(relation, number, head, tail)
            h = {"name": name(head), "id": f"Q{head}", "pos": [2, 3]}
            t = {"name": name(tail), "id": f"Q{tail}", "pos": [5, 6]}
            made.append({"token": token, "h": h, "t": t, "relation": f"relation {relation}"})
    return made


def fewrel(relations: range, letter: str, prefix: str = "P") -> dict[str, Any]:
    """Return instances by relation, as FewRel's files have them."""
    made: dict[str, Any] = {}
    for relation in relations:
        made[f"{prefix}{relation}"] = []
        for number in range(20, 24):
            head, tail = ends(relation, number)
            made[f"{prefix}{relation}"].append(
                {
                    "tokens": words(relation, number, head, tail),
                    "h": [name(head), f"{letter}{head}", [[2]]],
                    "t": [name(tail), f"{letter}{tail}", [[5]]],
                }
            )
    return made


def triples() -> list[tuple[str, str, str]]:
    """Return the knowledge base: leaking pairs, types, and a ring."""
    made = [(f"Q{at}", "P1", f"Q{(at + 3) % ENTITIES}") for at in range(ENTITIES)]
    made += [(f"Q{at}", "P31", f"Q{900 + at % 2}") for at in range(ENTITIES)]
    made += [("Q900", "P279", "Q901")]
    for relation in range(RELATIONS):
        head, tail = ends(relation, 0)
        made.append((f"Q{head}", f"P{relation}", f"Q{tail}"))
    return made


def build(data: Path) -> None:
    """Write the folder."""
    wikidata, kept_apart = data / "wikidata", data / "no-licence-stated"
    rows = ["\t".join(triple) for triple in triples()]
    packed(wikidata / "codex-m" / "train.txt.gz", "\n".join(rows) + "\n")
    for split in ("valid", "test"):
        packed(wikidata / "wikipeople" / f"n-ary_{split}.json.gz", "")
    for split in ("train", "valid", "test"):
        packed(wikidata / "simplequestions" / f"annotated_wd_data_{split}.txt.gz", "")
    types = {"Q900": {"label": "odd", "description": ""}, "Q901": {"label": "", "description": ""}}
    codex = wikidata / "codex-types"
    packed(codex / "entity2types.json.gz", json.dumps({"Q0": ["Q900"]}))
    packed(codex / "types.json.gz", json.dumps(types))
    packed(codex / "relations.json.gz", json.dumps({"P31": {"label": "instance of"}}))
    one = {"label": "first thing", "wikidata_id": "Q1", "description": "told nowhere"}
    packed(wikidata / "labels" / "fb15k_entity2wikidata.json.gz", json.dumps({"/m/1": one}))
    templates = wikidata / "entityquestions" / "relation_query_templates.json"
    templates.parent.mkdir(parents=True)
    templates.write_text(json.dumps({"P19": "Where was [X] born?", "P19_similar": "[X] ?"}))
    packed(data / "fewrel" / "val_wiki.json.gz", json.dumps(fewrel(range(6), "Q")))
    packed(data / "fewrel" / "val_nyt.json.gz", json.dumps(fewrel(range(4, 10), "Q")))
    packed(data / "fewrel" / "val_pubmed.json.gz", json.dumps(fewrel(range(6), "C", "bio")))
    names = {f"P{at}": [f"relation {at}", ""] for at in range(RELATIONS) if at != 19}
    packed(data / "fewrel" / "pid2name.json.gz", json.dumps(names))
    packed(kept_apart / "wiki80-pelt" / "dev.jsonl.gz", lines(wiki80(0, 4)))
    packed(kept_apart / "wiki80-pelt" / "train_0.1.jsonl.gz", lines(wiki80(4, 10)))
    for archive in ("mTREx", "mTRExf"):
        facts = [
            {
                "sub_uri": f"Q{at}",
                "sub_label": name(at),
                "predicate_id": "P19",
                "obj_uri": f"Q{1000 + at % 4}",
                "obj_label": PLACES[at % 4],
            }
            for at in range(ENTITIES)
        ]
        content = lines(facts).encode()
        path = kept_apart / "x-factr" / f"{archive}.tar.gz"
        path.parent.mkdir(exist_ok=True)
        with tarfile.open(path, "w:gz") as tar:
            member = tarfile.TarInfo(f"{archive}/P19.jsonl")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    linked_text(data / "linked-text" / "ernie-wiki")


def linked_text(folder: Path) -> None:
    """Write one document of two sentences; 1996 is 'the', 1037 'a', 2015 '##s', 3899 'dog'."""
    tokens = ["2", "4", "1996", "3899", "2015", "1037", "2", "1037", "3899"]
    marks = ["2", "4", "#UNK#", "Q5", "Q5", "Q8", "2", "#UNK#", "#UNK#"]
    packed(folder / "wiki_token.gz", "\t".join(tokens) + "\n")
    packed(folder / "wiki_entity.gz", "\t".join(marks) + "\n")


def semcor(folder: Path) -> None:
    """Write what ``prepare_semcor.py`` would, of the three nouns of `wordnet`."""
    folder.mkdir(parents=True)
    for split, number in (("train", 1), ("dev", 2), ("test", 3)):
        one = {"id": split, "text": "a word here", "start": 2, "end": 6}
        record = one | {"labels": ["noun.animal"], "entity": f"0000000{number}-n"}
        (folder / f"{split}.jsonl").write_text(lines([record]))


def wordnet(folder: Path) -> None:
    """Write data files of three nouns."""
    folder.mkdir(parents=True)
    (folder / "data.noun").write_text("  1 licence\n" + "\n".join(NOUNS) + "\n")
    (folder / "data.verb").write_text("  1 licence\n")
