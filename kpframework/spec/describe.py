"""A model's options in words, for messages."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kpframework.api.config import ComponentRef
from kpframework.plugins.options import option_rows
from kpframework.spec.fields import keys
from kpframework.spec.tree import Loc, Node

_MOST = 16


def models_at(model: type[BaseModel], loc: Loc) -> list[type[BaseModel]]:
    """Return the models that describe the table at a path inside a model; several for a union."""
    current = [model]
    for step in loc:
        if isinstance(step, int):
            continue
        fields = [keys(m)[step] for m in current if step in keys(m)]
        current = [inner for info in fields for inner in _models(info.annotation)]
    return current


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if annotation is ComponentRef else [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def fitting(models: list[type[BaseModel]], table: Node | None) -> list[type[BaseModel]]:
    """Return the models of a union whose distinguishing values agree with what is written."""
    if table is None or len(models) < 2:
        return models
    kept = [m for m in models if all(_agrees(info, table.get(k)) for k, info in keys(m).items())]
    return kept or models


def _agrees(info: FieldInfo, value: Node | None) -> bool:
    if value is None or get_origin(info.annotation) is not Literal:
        return True
    return value.value in get_args(info.annotation)


def options_line(models: list[type[BaseModel]]) -> str:
    """Return ``hidden (int, 512), dropout (float, 0.0)``; options of nested tables are left out."""
    every = (row for model in models for row in option_rows(model) if "." not in row.name)
    rows = list({row.name: row for row in every}.values())
    words = [f"{r.name} ({r.type}, {_default(r.required, r.default)})" for r in rows[:_MOST]]
    more = f" and {len(rows) - _MOST} more" if len(rows) > _MOST else ""
    return (", ".join(words) or "none") + more


def _default(required: bool, default: str) -> str:
    return "required" if required else default or "optional"
