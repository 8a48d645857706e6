"""JSON Schema of a spec with everything that is installed, for completion in editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from kpframework.api.config import ComponentRef, Ref
from kpframework.component import KINDS
from kpframework.errors import KpError
from kpframework.spec.describe import models_at
from kpframework.spec.fields import keys, markers
from kpframework.spec.models import InjectionSection, Spec, TaskSection

if TYPE_CHECKING:
    from kpframework.plugins.records import RegisteredComponent
    from kpframework.plugins.registry import Registry

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_EXTENDS = {
    "description": "Specs this one lies over: a path relative to this file, or a list of them.",
    "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
}


def json_schema(registry: Registry) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a spec, every installed component included.

    A component whose options cannot be imported is left out.
    """
    definitions: dict[str, Any] = {}
    shapes: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    bare: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for registered in registry.components():
        try:
            model = registry.load_config(registered)
        except KpError:
            continue
        names = _names(registered, registry)
        prefix = f"{registered.kind}.{registered.plugin}.{registered.name}"
        options = _model_schema(model, prefix, definitions)
        shape = {
            "type": "object",
            "title": f"{registered.kind} {names[0]}",
            "description": registered.component.summary,
            "properties": {"type": _selector(names), **options.get("properties", {})},
            "required": ["type", *options.get("required", [])],
            "additionalProperties": False,
        }
        definitions[prefix] = shape
        shapes[registered.kind].append({"$ref": f"#/$defs/{prefix}"})
        if not options.get("required"):
            bare[registered.kind] += names
    for kind in KINDS:
        arms = list(shapes[kind])
        if bare[kind]:
            arms.append({"enum": bare[kind], "description": "A component without options."})
        # `oneOf` of nothing is no valid schema; a kind nobody offers accepts nothing.
        definitions[kind] = {"oneOf": arms} if arms else {"not": {}}
    spec = _model_schema(Spec, "spec", definitions)
    definitions["spec.TaskSection"] = _open(TaskSection, "task", shapes, definitions, [])
    definitions["spec.InjectionSection"] = _open(
        InjectionSection, "injector", shapes, definitions, [_saved_row()]
    )
    full = {"properties": spec["properties"], "required": spec["required"]}
    return {
        "$schema": _DIALECT,
        "title": "kpframework spec",
        "description": "One spec is one table: injections are rows, tasks are columns.",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {
            "properties": {**dict.fromkeys(spec["properties"], True), "extends": _EXTENDS},
            "additionalProperties": False,
        },
        "else": {**full, "additionalProperties": False},
        "$defs": dict(sorted(definitions.items())),
    }


def _names(registered: RegisteredComponent, registry: Registry) -> list[str]:
    short = registered.name in registry.names(registered.kind)
    return [registered.name, registered.qualified] if short else [registered.qualified]


def _selector(names: list[str]) -> dict[str, Any]:
    return {"const": names[0]} if len(names) == 1 else {"enum": names}


def _model_schema(
    model: type[BaseModel], prefix: str, definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return a model's schema; what it refers to goes into the definitions under the prefix."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{prefix}.{{model}}")
    inner = schema.pop("$defs", {})
    _point(model, schema, inner, f"#/$defs/{prefix}.", set())
    for name, definition in inner.items():
        if name != ComponentRef.__name__:
            definitions[f"{prefix}.{name}"] = definition
    return schema


def _point(
    model: type[BaseModel],
    schema: dict[str, Any],
    inner: Mapping[str, Any],
    refs: str,
    seen: set[type[BaseModel]],
) -> None:
    """Let nested component sections refer to the components of their kind."""
    if model in seen:
        return
    seen.add(model)
    for key, info in keys(model).items():
        fragment = schema.get("properties", {}).get(key, {})
        for marker in markers(info.annotation, info.metadata):
            if isinstance(marker, Ref):
                _replace(fragment, f"{refs}{ComponentRef.__name__}", f"#/$defs/{marker.kind}")
        for nested in models_at(model, (key,)):
            if nested.__name__ in inner:
                _point(nested, inner[nested.__name__], inner, refs, seen)


def _replace(fragment: Any, old: str, new: str) -> None:
    if isinstance(fragment, dict):
        if fragment.get("$ref") == old:
            fragment["$ref"] = new
        for value in fragment.values():
            _replace(value, old, new)
    elif isinstance(fragment, list):
        for value in fragment:
            _replace(value, old, new)


def _saved_row() -> dict[str, Any]:
    properties = dict(InjectionSection.model_json_schema()["properties"])
    return {
        "title": "a row reused from another or from an artifact",
        "type": "object",
        "properties": {
            **{k: v for k, v in properties.items() if k not in ("type", "init")},
            "from": {"type": "string", "description": properties["from"]["description"]},
            "type": {"type": "null"},
            "init": {"type": "null"},
        },
        "required": ["id", "from"],
        "additionalProperties": False,
    }


def _open(
    section: type[BaseModel],
    kind: str,
    shapes: Mapping[str, list[dict[str, Any]]],
    definitions: Mapping[str, Any],
    others: list[dict[str, Any]],
) -> dict[str, Any]:
    """Return the schema of a section that holds a component's options beside the core's keys."""
    arms = []
    own = section.model_json_schema()["properties"]
    core = {k: {"type": "null"} if k == "from" else v for k, v in own.items() if k != "type"}
    for reference in shapes[kind]:
        shape = definitions[reference["$ref"].removeprefix("#/$defs/")]
        properties = {**shape["properties"], **core}
        arms.append({**shape, "properties": properties, "required": ["id", *shape["required"]]})
    arms += others
    return {"oneOf": arms} if arms else {"not": {}}
