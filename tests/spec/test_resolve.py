from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import Field, ValidationError

from kpframework.api import ComponentConfig, ComponentRef, Context, DataFolder, InputFolder
from kpframework.errors import SpecError
from kpframework.spec import load_spec

Write = Callable[..., Path]


@pytest.fixture
def resolved(spec: dict[str, Any], write: Write, registry: Any) -> Any:
    return load_spec(write(spec), registry=registry)


def _problems(path: Path, registry: Any) -> list[tuple[str, str]]:
    with pytest.raises(SpecError) as caught:
        load_spec(path, registry=registry)
    return [(p.code, p.path) for p in caught.value.problems]


def test_components_are_bound_with_their_path_and_defaults(resolved: Any) -> None:
    mapper = resolved.injections["map"].injector.children["mapper"]
    assert mapper.path == "injections[map].mapper"
    assert mapper.registered.qualified == "mappers/mlp"
    assert mapper.config.model_dump() == {"hidden": 32, "dropout": 0.0}
    assert resolved.knowledge["wikidata"].linker.config is not None
    assert list(resolved.injections["mix"].injector.children) == ["parts.0", "parts.1"]


def test_a_nested_component_given_by_default_is_bound_too(
    spec: dict[str, Any], write: Write, registry: Any
) -> None:
    del spec["injections"][1]["mapper"]
    row = load_spec(write(spec), registry=registry).injections["map"].injector
    assert row is not None
    assert row.children["mapper"].type == "linear"


def test_the_filled_spec_is_valid_and_a_fixed_point(
    resolved: Any, write: Write, registry: Any
) -> None:
    filled = resolved.filled()
    assert filled["injections"][1]["mapper"] == {"type": "mlp", "hidden": 32, "dropout": 0.0}
    assert filled["hosts"][0]["adaptation"]["train"]["epochs"] == 3
    again = load_spec(write(filled, "filled.json"), registry=registry)
    assert again.filled() == filled
    assert [c.key_data() for c in again.components()] == [
        c.key_data() for c in resolved.components()
    ]


def test_the_key_ignores_where_files_lie_and_whether_defaults_are_written(
    spec: dict[str, Any], write: Write, registry: Any, folder: Path
) -> None:
    key = load_spec(write(spec), registry=registry).knowledge["wikidata"].kb.key_data()
    (folder / "data").rename(folder / "elsewhere")
    text = json.dumps(spec).replace("data/", "elsewhere/")
    moved = load_spec(write(text), ["knowledge.wikidata.kb.separator=tab"], registry)
    assert moved.knowledge["wikidata"].kb.key_data() == key
    assert json.dumps(key)
    assert str(folder) not in json.dumps(key)


def test_input_paths_are_absolute_and_those_of_nested_tables_too(
    resolved: Any, folder: Path
) -> None:
    data = folder / "data"
    assert resolved.knowledge["wikidata"].kb.input_paths() == [
        data / "labels.tsv",
        data / "triples.tsv",
    ]
    assert resolved.tasks["rel"].task.input_paths() == [data / "test.jsonl", data / "train.jsonl"]


def test_files_of_one_name_are_told_apart_by_the_option_that_names_them(
    spec: dict[str, Any], write: Write, registry: Any, folder: Path
) -> None:
    """The folds of a cross-validation lie in folders of their own, and each is train once."""
    for fold in ("b", "a"):
        (folder / fold).mkdir()
        (folder / fold / "data.jsonl").write_text(fold)

    def inputs(train: str, test: str) -> list[str]:
        spec["tasks"][0]["data"] |= {"train": f"{train}/data.jsonl", "test": f"{test}/data.jsonl"}
        task = load_spec(write(spec), registry=registry).tasks["rel"].task
        return [path.read_text() for path in task.input_paths()]

    assert inputs("a", "b") == inputs("b", "a")[::-1]
    assert inputs("a", "a") == ["a", "a"] != inputs("b", "b")


def test_a_folder_that_is_read_in_part_is_found_but_not_hashed_whole(
    resolved: Any, folder: Path
) -> None:
    class TwoFolders(ComponentConfig):
        whole: InputFolder = Field(description="All of it is read.")
        part: DataFolder = Field(description="Some of it is read.")

    config = TwoFolders(whole=str(folder / "data"), part=str(folder))
    kb = replace(resolved.knowledge["wikidata"].kb, config=config)
    assert kb.input_paths() == [folder / "data"]
    assert kb.key_data()["config"] == {"whole": "data", "part": folder.name}
    with pytest.raises(ValidationError, match="no folder at"):
        TwoFolders(whole=str(folder), part=str(folder / "nowhere"))


def test_paths_of_a_base_are_relative_to_the_base(
    spec: dict[str, Any], write: Write, registry: Any, folder: Path
) -> None:
    knowledge = spec.pop("knowledge")
    knowledge[0]["kb"] = {"type": "triples", "path": "own.tsv"}
    write({"knowledge": knowledge}, "lib/base.json")
    (folder / "lib" / "own.tsv").write_text("")
    spec["extends"] = "lib/base.json"
    spec["knowledge"] = [{"id": "wikidata", "kb": {"labels": ["data/labels.tsv"]}}]
    kb = load_spec(write(spec), registry=registry).knowledge["wikidata"].kb
    assert kb.input_paths() == [folder / "data" / "labels.tsv", folder / "lib" / "own.tsv"]


def test_create_constructs_the_target_and_its_nested_components(resolved: Any) -> None:
    injector = resolved.injections["map"].injector.create(Context(seed=7))
    assert injector.config.layout == "concat"
    mapper = injector.context.create("mapper", injector.config.mapper)
    assert mapper.config.hidden == 32
    assert mapper.context.seed == 7


def test_create_validates_a_section_made_at_run_time(resolved: Any) -> None:
    injector = resolved.injections["map"].injector.create(Context())
    made = injector.context.create("mapper", ComponentRef(type="mlp", hidden=3))
    assert made.config.hidden == 3
    with pytest.raises(SpecError, match="hiden"):
        injector.context.create("mapper", ComponentRef(type="mlp", hiden=3))


def test_a_row_from_another_has_its_injector_and_knowledge(resolved: Any) -> None:
    row = resolved.injections["again"]
    assert row.row == "map"
    assert row.artifact is None
    assert row.injector is resolved.injections["map"].injector
    assert row.knowledge == "wikidata"
    assert resolved.injections["frozen"].knowledge is None


def test_a_row_from_a_saved_plugin_has_its_folder(
    spec: dict[str, Any], write: Write, registry: Any, folder: Path
) -> None:
    (folder / "saved").mkdir()
    (folder / "saved" / "kp_config.json").write_text("{}")
    spec["injections"].append({"id": "saved", "from": "./saved"})
    row = load_spec(write(spec), registry=registry).injections["saved"]
    assert (row.artifact, row.injector, row.row) == (folder / "saved", None, None)


def test_qualified_names_select_the_same_component(
    spec: dict[str, Any], write: Write, registry: Any
) -> None:
    spec["injections"][1]["mapper"]["type"] = "mappers/mlp"
    qualified = load_spec(write(spec), registry=registry).injections["map"].injector
    assert qualified is not None
    assert qualified.children["mapper"].registered.name == "mlp"


def test_errors_of_all_sections_come_at_once_in_the_order_of_the_file(
    spec: dict[str, Any], write: Write, registry: Any
) -> None:
    spec["nmae"] = spec.pop("name")
    spec["backbone"]["model"] = 3
    spec["hosts"][1]["adaptation"]["rank"] = 0
    spec["injections"][1]["mapper"]["type"] = "mlpp"
    spec["injections"][3]["parts"][1]["hiden"] = 1
    assert _problems(write(spec), registry) == [
        ("KP302", "backbone.model"),
        ("KP303", "hosts[lora].adaptation.rank"),
        ("KP201", "injections[map].mapper.type"),
        ("KP301", "injections[mix].parts[1].hiden"),
        ("KP301", "nmae"),
    ]


def test_more_problems_than_can_be_read_are_cut_and_said_so(
    spec: dict[str, Any], write: Write, registry: Any
) -> None:
    spec |= {f"unknown{i}": 1 for i in range(500)}
    problems = _problems(write(spec), registry)
    assert len(problems) == 101
    assert problems[-1][0] == "KP300"


def test_every_single_key_typo_is_found_with_its_suggestion(
    spec: dict[str, Any], write: Write, registry: Any
) -> None:
    def typos(value: Any) -> Any:
        if isinstance(value, dict):
            for key in list(value):
                if len(key) < 3:
                    continue
                wrong = key[:-1] + "_" + key[-1]
                value[wrong] = value.pop(key)
                yield wrong, key
                value[key] = value.pop(wrong)
                yield from typos(value[key])
        elif isinstance(value, list):
            for item in value:
                yield from typos(item)

    for wrong, right in typos(spec):
        with pytest.raises(SpecError) as caught:
            load_spec(write(spec), registry=registry)
        found = [p for p in caught.value.problems if repr(wrong) in p.message]
        assert [p.code for p in found] == ["KP301"], wrong
        assert f"Did you mean {right!r}?" in found[0].message


def test_checking_imports_neither_torch_nor_numpy() -> None:
    code = "import kpframework.spec.resolve, sys; print({'torch', 'numpy'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("train", "code", "path", "says"),
    [
        ({"stage": "lat"}, "KP303", "train.stage", "must be 'early' or 'late', not \"lat\""),
        ({}, "KP304", "train.stage", "needs 'stage'"),
        ({"stage": "late"}, "KP304", "train.corpus", "needs 'corpus'"),
        ({"stage": "early", "corpu": "x"}, "KP301", "train.corpu", "options: epochs"),
        (3, "KP302", "train", "must be a table"),
    ],
)
def test_a_choice_between_models_is_reported_at_the_users_own_key(
    train: Any, code: str, path: str, says: str, spec: dict[str, Any], write: Write, registry: Any
) -> None:
    spec["injections"].append({"id": "when", "type": "staged", "train": train})
    with pytest.raises(SpecError) as caught:
        load_spec(write(spec), registry=registry)
    (problem,) = caught.value.problems
    assert (problem.code, problem.path) == (code, f"injections[when].{path}")
    assert says in problem.message
    assert "Did you mean 'corpus'" not in problem.message
