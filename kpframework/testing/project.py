"""A complete tiny project in a folder: backbone, knowledge base, data and spec, made in a second.

For tests that run a whole spec. What an example answers depends on its entity's vector alone, so a
method that uses the vectors can be told from one that does not::

    def test_my_injector_runs(tmp_path):
        spec = tiny_project(tmp_path, injections=[{"id": "mine", "type": "my-injector"}])
        assert kpframework.cli.root.run(["run", str(spec)]) == 0
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kpframework.testing.tiny import tiny_model, tiny_tokenizer

ENTITIES = 48
"""How many the knowledge base has: ``E0`` to ``E47``."""
DIM = 8
"""Width of their vectors."""
UNKNOWN = "X0"
"""An entity of the test data that the knowledge base does not have."""

_TEXTS = (
    "The patient has {} and long fingers.",
    "A {} is not the capital of France.",
    "Jean was born in {} and lives there.",
)
_PAIR = "In 1967 the {} is the system of a {} there."
_SPLITS = {"train": range(28), "dev": range(28, 36), "test": range(36, ENTITIES)}

Row = dict[str, Any]
"""A line of a data file."""


def entity_name(index: int) -> str:
    """Return the name of the entity ``E<index>``: a word no text has by chance."""
    consonants, vowels = "bdlmnprstf", "aeiou"
    first, second = divmod(index, len(vowels))
    return consonants[first] + vowels[second] + consonants[-1 - first % 7] + vowels[-1 - second]


def entity_class(index: int) -> int:
    """Return 0 or 1: what the data's labels follow from, and what the vectors tell."""
    return (index * 7 % 11) % 2


def tiny_project(folder: Path, architecture: str = "bert-classifier", **changes: Any) -> Path:
    """Write a project and return the path of its ``spec.json``.

    Args:
        folder: gets ``backbone/``, ``kb/``, ``typing/``, ``relations/`` and ``spec.json``.
        architecture: of the backbone; one of `kpframework.testing.tiny.ARCHITECTURES`.
        changes: top-level keys of the spec that replace those of `tiny_spec`.
    """
    write_backbone(folder / "backbone", architecture)
    write_knowledge(folder / "kb")
    write_jsonl(folder / "typing", _typing)
    write_jsonl(folder / "relations", _relations)
    path = folder / "spec.json"
    path.write_text(json.dumps({**tiny_spec(), **changes}, indent=1), "utf-8")
    return path


def tiny_spec() -> dict[str, Any]:
    """Return the spec of a tiny project: two tasks, one host, two rows."""
    kb = {"type": "triples", "paths": ["kb/triples.tsv"], "labels": "kb/labels.json"}
    vectors = {"type": "precomputed", "path": "kb/vectors.npy", "ids": "kb/ids.txt"}
    names = {"type": "gazetteer", "scope": "spans+anywhere"}
    stage = {"stage": "task", "epochs": 6, "lr": 0.02, "batch_size": 8}
    return {
        "version": 1,
        "name": "tiny",
        "seeds": [0],
        "backbone": {"type": "hf", "model": "backbone"},
        "knowledge": [
            {"id": "toy", "kb": kb, "embeddings": vectors, "linker": {"type": "annotated"}},
            {"id": "names", "kb": kb, "embeddings": vectors, "linker": names},
        ],
        "corpora": [{"id": "descriptions", "kb": "toy"}],
        "tasks": [
            {"id": "typing", "type": "entity-typing", "data": _data("typing"), "max_length": 48},
            {
                "id": "relations",
                "type": "relation-classification",
                "data": _data("relations"),
                "max_length": 64,
            },
        ],
        "hosts": [{"id": "tuned", "adaptation": {"type": "full", "epochs": 2, "lr": 0.002}}],
        "injections": [
            {"id": "frozen", "type": "none"},
            {"id": "map-task", "type": "map-tuning", "train": stage},
        ],
        "lm_head": {"epochs": 1},
        "compare": {"resamples": 200},
        "run": {"device": "cpu", "threads": 1},
    }


def write_backbone(folder: Path, architecture: str) -> None:
    """Write a random model without a head, and its tokenizer."""
    tokenizer = tiny_tokenizer(architecture)
    tiny_model(architecture, len(tokenizer)).base_model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_knowledge(folder: Path) -> None:
    """Write triples, names with descriptions, vectors and their ids."""
    folder.mkdir(parents=True, exist_ok=True)
    triples = [(f"E{i}", "near", f"E{(i + 1) % ENTITIES}") for i in range(ENTITIES)]
    triples += [(f"E{i}", "kind", f"K{entity_class(i)}") for i in range(ENTITIES)]
    triples += [(f"E{i}", "joined", f"E{j}") for i, j in _pairs(_SPLITS["test"][:6])]
    lines = ("\t".join(triple) for triple in triples)
    (folder / "triples.tsv").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    names = [entity_name(i) for i in range(ENTITIES)]
    labels: dict[str, Any] = {
        f"E{i}": {
            "label": name,
            "description": f"The {name} has a long {names[(i + 1) % ENTITIES]} and fingers.",
        }
        for i, name in enumerate(names)
    }
    labels |= {"K0": "first kind", "K1": "second kind"}
    (folder / "labels.json").write_text(json.dumps(labels), "utf-8")
    vectors = np.random.default_rng(0).standard_normal((ENTITIES, DIM)).astype(np.float32)
    vectors[:, 0] = [2.0 if entity_class(i) else -2.0 for i in range(ENTITIES)]
    np.save(folder / "vectors.npy", vectors, allow_pickle=False)
    (folder / "ids.txt").write_text("".join(f"E{i}\n" for i in range(ENTITIES)), "utf-8")


def write_jsonl(folder: Path, rows: Any) -> None:
    """Write ``train``, ``dev`` and ``test`` of a task, ``rows(split, entities)`` each."""
    folder.mkdir(parents=True, exist_ok=True)
    for split, entities in _SPLITS.items():
        lines = (json.dumps(row) for row in rows(split, entities))
        (folder / f"{split}.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")


def write_fewrel(folder: Path) -> None:
    """Write ``train``, ``dev`` and ``test`` in FewRel's layout, and the relations' ``names.json``.

    The four relations follow from the classes of head and tail; each has six to eight instances,
    of which the first has a head that the knowledge base does not have.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for split, entities in _SPLITS.items():
        relations: dict[str, list[Row]] = {f"P{number}": [] for number in range(4)}
        for i, j in ((i, j) for step in range(1, 8) for i, j in _steps(entities, step)):
            own = relations[f"P{2 * entity_class(i) + entity_class(j)}"]
            if len(own) < 8:
                head = ("nervous", UNKNOWN) if not own else (entity_name(i), f"E{i}")
                tokens = _PAIR.format(head[0], entity_name(j)).split()
                h, t = tokens.index(head[0]), len(tokens) - 2
                own.append(
                    {
                        "tokens": tokens,
                        "h": [head[0], head[1], [[h]]],
                        "t": [tokens[t], f"E{j}", [[t]]],
                    }
                )
        (folder / f"{split}.json").write_text(json.dumps(relations), "utf-8")
    names = {f"P{i}": [name, ""] for i, name in enumerate(("zero", "rises", "falls", "one"))}
    (folder / "names.json").write_text(json.dumps(names), "utf-8")


def _data(folder: str) -> dict[str, str]:
    return {split: f"{folder}/{split}.jsonl" for split in _SPLITS}


def _typing(split: str, entities: Sequence[int]) -> Iterator[Row]:
    for i in entities:
        for k, text in enumerate(_TEXTS):
            label = ("system", "capital")[entity_class(i)]
            yield _typed(f"{split}-{i}-{k}", text, entity_name(i), f"E{i}", label)
    if split == "test":
        yield _typed("test-unknown", _TEXTS[0], "nervous", UNKNOWN, "system")


def _typed(name: str, text: str, mention: str, entity: str, label: str) -> Row:
    return {
        "id": name,
        "text": text.format(mention),
        **_span(text.index("{}"), mention, entity),
        "labels": [label],
    }


def _relations(split: str, entities: Sequence[int]) -> Iterator[Row]:
    for i, j in _pairs(entities):
        head, tail = entity_name(i), entity_name(j)
        text = _PAIR.format(head, tail)
        yield {
            "id": f"{split}-{i}-{j}",
            "text": text,
            "head": _span(text.index(head), head, f"E{i}"),
            "tail": _span(text.index(tail, text.index(head) + len(head)), tail, f"E{j}"),
            "label": "same" if entity_class(i) == entity_class(j) else "other",
        }


def _pairs(entities: Sequence[int]) -> list[tuple[int, int]]:
    count = len(entities)
    return [
        (own, entities[(k + step) % count]) for k, own in enumerate(entities) for step in (1, 2)
    ]


def _steps(entities: Sequence[int], step: int) -> list[tuple[int, int]]:
    return [(own, entities[(k + step) % len(entities)]) for k, own in enumerate(entities)]


def _span(start: int, mention: str, entity: str) -> Row:
    return {"start": start, "end": start + len(mention), "entity": entity}
