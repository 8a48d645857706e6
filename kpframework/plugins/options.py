"""The options of a component as rows of a table, read from its pydantic model."""

from __future__ import annotations

import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kpframework.api.config import ComponentRef, PathKind, Ref

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class OptionRow:
    """One option; those of a nested model are named ``outer.inner``."""

    name: str
    type: str
    default: str
    """As JSON would write it; empty where the option is required."""
    required: bool
    description: str


def option_rows(model: type[BaseModel], prefix: str = "") -> list[OptionRow]:
    """Return the options of a model in the order they are declared."""
    return list(_rows(model, prefix))


def _rows(model: type[BaseModel], prefix: str) -> Iterator[OptionRow]:
    for field_name, field in model.model_fields.items():
        name = prefix + (field.alias or field_name)
        annotation = field.annotation
        nested = _is_model(annotation) and not issubclass(annotation, ComponentRef)  # type: ignore[arg-type]
        yield OptionRow(
            name,
            "section" if nested else _type(annotation, tuple(field.metadata)),
            "" if field.is_required() or nested else _default(field),
            field.is_required(),
            field.description or "",
        )
        if nested:
            yield from _rows(annotation, f"{name}.")  # type: ignore[arg-type]


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _default(field: FieldInfo) -> str:
    import json

    value = field.get_default(call_default_factory=True)
    if isinstance(value, ComponentRef):
        value = value.model_dump()
    try:
        return json.dumps(value, ensure_ascii=False)
    except TypeError:
        return str(value)


def _some(kind: str) -> str:
    """Return a kind as one of it is called: "a mapper", "an executor"; "embeddings" are many."""
    if kind.endswith("s"):
        return kind
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def _type(annotation: Any, metadata: tuple[Any, ...] = ()) -> str:
    for mark in metadata:
        if isinstance(mark, Ref):
            return _some(mark.kind) + (" or null" if type(None) in get_args(annotation) else "")
        if isinstance(mark, PathKind):
            return mark.what
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], arguments[1:])
    if origin is Literal:
        return " or ".join(repr(a) for a in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type(a) for a in arguments)
    if origin in (list, tuple, set, frozenset):
        inner = [_type(a) for a in arguments if a is not Ellipsis]
        return f"list of {' or '.join(dict.fromkeys(inner))}" if inner else "list"
    if origin is dict:
        return f"mapping to {_type(arguments[1])}"
    if annotation is type(None):
        return "null"
    return getattr(annotation, "__name__", str(annotation))
