"""Write a folder of the layout that the specs here read, with a tiny model and made-up data.

With it `kpframework validate` and `kpframework plan` look at every spec, and the specs of ``small``
run in seconds, without the released files. No figure of such a run means anything.

Usage: python examples/paper/stand_in.py examples/paper/paper-data
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kpframework.testing.project import (
    ENTITIES,
    entity_class,
    entity_name,
    tiny_project,
    write_fewrel,
)
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

SPLITS = {"train": range(28), "dev": range(28, 36), "test": range(36, ENTITIES)}
FEWREL = {"train": "train_wiki", "dev": "val_wiki", "test": "test_wiki", "names": "pid2name"}
ANSWERS = ("capital", "france")
WIDER = 12


def write_model(folder: Path) -> None:
    """Write a random BERT with its masked-LM head, and its tokenizer."""
    tokenizer = tiny_tokenizer("bert-masked-lm")
    tiny_model("bert-masked-lm", len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_knowledge(made: Path, out: Path) -> None:
    """Write Wikidata5M's files and the embeddings from those of a tiny project."""
    kb, wikidata, vectors = made / "kb", out / "wikidata5m", out / "embeddings"
    wikidata.mkdir(parents=True)
    vectors.mkdir()
    shutil.copy(kb / "triples.tsv", wikidata / "triples.txt")
    labels = json.loads((kb / "labels.json").read_text("utf-8"))
    names = {e: own if isinstance(own, str) else own["label"] for e, own in labels.items()}
    texts = {e: own["description"] for e, own in labels.items() if isinstance(own, dict)}
    relations = {"near": "is near", "kind": "is of the kind", "joined": "is joined to"}
    for name, table in (("names", names), ("text", texts), ("relations", relations)):
        lines = (f"{key}\t{value}\n" for key, value in table.items())
        (wikidata / f"{name}.txt").write_text("".join(lines), "utf-8")
    transe = np.load(kb / "vectors.npy", allow_pickle=False)
    wider = np.pad(transe, ((0, 0), (0, WIDER - transe.shape[1])), mode="edge")
    np.save(vectors / "transe.npy", transe, allow_pickle=False)
    np.save(vectors / "transr.npy", wider, allow_pickle=False)
    ids = (kb / "ids.txt").read_text("utf-8").split()
    rows = (f"{entity}\t{row}\n" for row, entity in enumerate(ids))
    (vectors / "entity2id.txt").write_text(f"{len(ids)}\n" + "".join(rows), "utf-8")


def write_tasks(made: Path, out: Path) -> None:
    """Write the four data sets and the corpus."""
    made_relations = made / "relations"
    shutil.copytree(made_relations, out / "wiki80")
    shutil.copytree(made / "typing", out / "wiki-et")
    write_fewrel(made / "fewrel")
    (out / "fewrel").mkdir()
    for own, name in FEWREL.items():
        shutil.copy(made / "fewrel" / f"{own}.json", out / "fewrel" / f"{name}.json")
    (out / "entityquestions").mkdir()
    for split, entities in SPLITS.items():
        lines = [json.dumps(question(i)) + "\n" for i in entities]
        (out / "entityquestions" / f"{split}.jsonl").write_text("".join(lines), "utf-8")
    passages = []
    for line in (made_relations / "train.jsonl").read_text("utf-8").splitlines():
        record = json.loads(line)
        mentions = [record["head"], record["tail"]]
        passages.append(json.dumps({"text": record["text"], "mentions": mentions}) + "\n")
    # Passages whose two mentions a triple joins: what a factual stage reads.
    passages += [joined(i) for i in range(0, ENTITIES - 1, 3)]
    (out / "wiki20m.jsonl").write_text("".join(passages), "utf-8")


def question(index: int) -> dict[str, object]:
    """Return a question whose answer is one word of the tiny vocabulary, told by the entity."""
    name, before = entity_name(index), "Where was "
    return {
        "id": f"q{index}",
        "question": f"{before}{name} born ?",
        "subject": {"start": len(before), "end": len(before) + len(name), "entity": f"E{index}"},
        "answers": [ANSWERS[entity_class(index)]],
        "relation": "P19",
    }


def joined(index: int) -> str:
    """Return a passage of two neighbours as a line of the corpus."""
    head, tail = entity_name(index), entity_name(index + 1)
    text = f"The {head} lives near the {tail} there."
    ends = (("The ", head, index), (f"The {head} lives near the ", tail, index + 1))
    mentions = [
        {"start": len(before), "end": len(before) + len(name), "entity": f"E{i}"}
        for before, name, i in ends
    ]
    return json.dumps({"text": text, "mentions": mentions}) + "\n"


def write(out: Path) -> None:
    """Write the whole folder, which must not be there.

    Raises:
        FileExistsError: it is there.
    """
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as made:
        tiny_project(Path(made))
        write_model(out / "bert-base-uncased")
        write_knowledge(Path(made), out)
        write_tasks(Path(made), out)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path, help="the folder to write; must not be there")
    args = parser.parse_args(argv)
    try:
        write(args.out)
    except FileExistsError:
        parser.error(f"{args.out} is there already; nothing was written")


if __name__ == "__main__":
    main()
