from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kpframework.spec import json_schema, load_spec

jsonschema = pytest.importorskip("jsonschema")


@pytest.fixture
def validator(registry: Any) -> Any:
    schema = json_schema(registry)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_a_valid_spec_and_its_filled_form_fit(
    spec: dict[str, Any], write: Callable[..., Path], registry: Any, validator: Any
) -> None:
    assert validator.is_valid(spec)
    assert validator.is_valid(load_spec(write(spec), registry=registry).filled())


def test_options_of_nested_components_are_checked(spec: dict[str, Any], validator: Any) -> None:
    spec["injections"][1]["mapper"]["hiden"] = 3
    assert not validator.is_valid(spec)


def test_a_component_of_another_kind_does_not_fit(spec: dict[str, Any], validator: Any) -> None:
    spec["injections"][1]["mapper"] = {"type": "lora"}
    assert not validator.is_valid(spec)


def test_a_spec_that_extends_may_be_partial(validator: Any) -> None:
    assert validator.is_valid({"extends": "base.json", "name": "x"})
    assert not validator.is_valid({"extends": "base.json", "nmae": "x"})
    assert not validator.is_valid({"name": "x"})


def test_descriptions_are_kept(registry: Any) -> None:
    definitions = json_schema(registry)["$defs"]
    mlp = definitions["mapper.mappers.mlp"]
    assert "Width" in mlp["properties"]["hidden"]["description"]
    assert mlp["properties"]["type"]["enum"] == ["mlp", "mappers/mlp"]


def test_nothing_refers_to_what_is_not_there(registry: Any) -> None:
    schema = json_schema(registry)

    def references(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"].removeprefix("#/$defs/")
            for inner in value.values():
                yield from references(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from references(inner)

    assert set(references(schema)) <= schema["$defs"].keys()
