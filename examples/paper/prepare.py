"""Turn the released data of the paper into the files that the specs here read.

Three of the released layouts say something that the specs ask for in another form:

- ``entity_map.txt`` (mention TAB … TAB Q-id): a name means the entity of its *last* line, as in the
  published code. Written as ``wikidata5m/names.txt``, an entity a line.
- ``wiki20m_{train,val,test}.txt`` (OpenNRE's JSON lines): joined to ``wiki20m.jsonl``, texts with
  linked mentions. The published code trains on all three.
- EntityQuestions' ``{train,dev,test}/P17.train.json`` files: one file a split, each subject found
  by its relation's template and linked by ``entity_map.txt``. Questions whose subject is no name
  there keep no entity; the specs leave those out and count them, where the published code does not
  count.

Usage: python examples/paper/prepare.py RELEASED OUT
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SPLITS = ("train", "dev", "test")
WIKI20M = ("train", "val", "test")


def read_names(path: Path) -> dict[str, str]:
    """Return the entity of each name; of several the last.

    Raises:
        ValueError: a line has no tab; names file and line.
    """
    entities = {}
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            name, *rest = line.rstrip("\n").split("\t")
            entity = rest[-1].strip() if rest else ""
            if not name.strip() or not entity:
                raise ValueError(f"{path}:{number}: not a name, a tab and an entity: {line[:80]!r}")
            entities[name] = entity
    return entities


def write_names(entities: Mapping[str, str], path: Path) -> int:
    """Write a line of names for each entity, and return how many entities there are."""
    names: dict[str, list[str]] = {}
    for name, entity in entities.items():
        names.setdefault(entity, []).append(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ("\t".join((entity, *own)) + "\n" for entity, own in sorted(names.items()))
    path.write_text("".join(lines), encoding="utf-8")
    return len(names)


def passage(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return an OpenNRE record as a text with two linked mentions.

    A record has its text, with ``pos`` in characters, or tokens, with ``pos`` in tokens.
    """
    words = record.get("token")
    text = record["text"] if words is None else " ".join(words)
    starts = [0]
    for word in words or ():
        starts.append(starts[-1] + len(word) + 1)
    mentions = []
    for end in (record["h"], record["t"]):
        first, last = end["pos"]
        start, stop = (first, last) if words is None else (starts[first], starts[last] - 1)
        mentions.append({"start": start, "end": stop, "entity": end["id"]})
    return {"text": text, "mentions": mentions}


def passages(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the passages of the three files of wiki20m."""
    for split in WIKI20M:
        path = folder / f"wiki20m_{split}.txt"
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield passage(json.loads(line))
                except (ValueError, LookupError, TypeError) as error:
                    raise ValueError(
                        f"{path}:{number}: not a record of wiki20m: {error}"
                    ) from error


def question(
    record: Mapping[str, Any], relation: str, template: str, entities: Mapping[str, str]
) -> dict[str, Any] | None:
    """Return a question with its subject marked, or None where its template does not fit."""
    text = record["question"]
    before, _, after = template.partition("[X]")
    stop = len(text) - len(after)
    fits = text.startswith(before) and text.endswith(after) and len(before) < stop
    if not fits:
        return None
    subject = {"start": len(before), "end": stop, "entity": entities.get(text[len(before) : stop])}
    if subject["entity"] is None:
        subject["entity"] = ""
    return {
        "question": text,
        "subject": subject,
        "answers": record["answers"],
        "relation": relation,
    }


def write_questions(
    folder: Path, templates: Mapping[str, str], entities: Mapping[str, str], out: Path
) -> Counter[str]:
    """Write the questions of each split, and count them and what is left out."""
    counts: Counter[str] = Counter()
    out.mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        lines = []
        for path in sorted((folder / split).glob(f"*.{split}.json")):
            relation = path.name.partition(".")[0]
            if relation not in templates:
                raise ValueError(f"{path}: there is no template of {relation}")
            for record in json.loads(path.read_text(encoding="utf-8")):
                own = question(record, relation, templates[relation], entities)
                if own is None:
                    counts[f"{split}: question that its template does not fit"] += 1
                    continue
                counts[f"{split}: questions"] += 1
                counts[f"{split}: subjects that are a name"] += bool(own["subject"]["entity"])
                lines.append(json.dumps(own, ensure_ascii=False) + "\n")
        (out / f"{split}.jsonl").write_text("".join(lines), encoding="utf-8")
    return counts


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "released",
        type=Path,
        help="holds entity_map.txt, wiki20m_*.txt, and entityquestions/ with its "
        "relation_query_templates.json and the folders train, dev and test",
    )
    parser.add_argument("out", type=Path, help="the folder paper-data that the specs read")
    args = parser.parse_args(argv)
    try:
        entities = read_names(args.released / "entity_map.txt")
        print(f"entities with a name: {write_names(entities, args.out / 'wikidata5m/names.txt'):,}")
        count = 0
        with (args.out / "wiki20m.jsonl").open("w", encoding="utf-8") as file:
            for own in passages(args.released):
                file.write(json.dumps(own, ensure_ascii=False) + "\n")
                count += 1
        print(f"passages of wiki20m: {count:,}")
        questions = args.released / "entityquestions"
        templates = json.loads((questions / "relation_query_templates.json").read_text("utf-8"))
        made = write_questions(questions, templates, entities, args.out / "entityquestions")
        for name, number in made.items():
            print(f"{name}: {number:,}")
    except (OSError, ValueError) as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
