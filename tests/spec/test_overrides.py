from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpframework.errors import SpecError
from kpframework.spec import load_spec

Load = Callable[..., Any]


@pytest.fixture
def load(spec: dict[str, Any], write: Callable[..., Path], registry: Any) -> Load:
    return lambda *overrides: load_spec(write(spec), overrides, registry)


def test_list_items_are_addressed_by_id(load: Load) -> None:
    row = load("injections.map.mapper.hidden=512").injections["map"]
    assert row.injector.children["mapper"].config.hidden == 512


def test_list_items_are_addressed_by_index(load: Load) -> None:
    assert load("injections.1.layout=replace").injections["map"].injector.config.layout == "replace"


def test_an_id_may_hold_dots(spec: dict[str, Any], load: Load) -> None:
    spec["injections"][0]["id"] = "map.v2"
    spec["compare"] = {}
    assert load("injections.map.v2.id=v3").injections["v3"].injector is not None


def test_a_value_is_json_or_else_text(load: Load) -> None:
    resolved = load("seeds=[3,4]", "description=two words", 'name="x"', "compare.confidence=0.5001")
    assert resolved.spec.seeds == [3, 4]
    assert resolved.spec.description == "two words"
    assert resolved.spec.name == "x"
    assert resolved.spec.compare.confidence == 0.5001


def test_null_removes_a_value(load: Load) -> None:
    assert load("knowledge.wikidata.exclude=null").spec.knowledge[0].exclude is None


def test_a_bare_name_becomes_a_section_when_an_option_is_set(load: Load) -> None:
    host = load("hosts.full.adaptation.train.epochs=7").hosts["full"]
    assert host.adaptation.config.train.epochs == 7


def test_setting_the_type_drops_the_other_types_options(load: Load) -> None:
    row = load("injections.map.mapper.type=linear").injections["map"]
    assert row.injector.children["mapper"].type == "linear"


def test_setting_the_type_keeps_options_set_before(load: Load) -> None:
    overrides = ("hosts.full.adaptation.rank=3", "hosts.full.adaptation.type=lora")
    assert load(*overrides).hosts["full"].adaptation.config.rank == 3


def test_later_overrides_win(load: Load) -> None:
    assert load("name=a", "name=b").spec.name == "b"


def test_relative_paths_start_from_the_current_folder(
    spec: dict[str, Any], write: Callable[..., Path], registry: Any, folder: Path
) -> None:
    spec["knowledge"][0]["kb"] = {"type": "triples", "path": "x.tsv"}
    spec["tasks"][0]["data"] = {"train": "../data/train.jsonl", "test": "../data/test.jsonl"}
    path = write(spec, "deep/spec.json")
    (folder / "here.tsv").write_text("")
    resolved = load_spec(path, ["knowledge.wikidata.kb.path=here.tsv"], registry)
    assert resolved.knowledge["wikidata"].kb.input_paths() == [folder / "here.tsv"]


@pytest.mark.parametrize(
    "override",
    ["name", "=1", "a..b=1", "injections.nope.x=1", "injections.99.x=1", "version.x=1", "seeds=[1"],
)
def test_wrong_overrides_are_errors(override: str, load: Load) -> None:
    with pytest.raises(SpecError) as caught:
        load(override)
    assert caught.value.code == "KP111"
    assert caught.value.problems[0].where.startswith("--set")


def test_a_misspelt_key_is_an_unknown_key_at_the_override(load: Load) -> None:
    with pytest.raises(SpecError) as caught:
        load("injectons.map.x=1")
    problem = caught.value.problems[0]
    assert (problem.code, problem.where) == ("KP301", "--set injectons.map.x")
    assert "'injections'" in problem.message
