"""Which values of a section are nested components and which are paths, from its model."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from kpframework.api.config import ComponentRef, OnlyTest, PathKind, Ref, SectionId
from kpframework.spec.tree import Loc, Node

Marker = Ref | PathKind | SectionId


def key_of(name: str, info: FieldInfo) -> str:
    """Return the key a field has in a spec."""
    if isinstance(info.validation_alias, str):
        return info.validation_alias
    return info.alias or name


def keys(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """Return the fields of a model by their key in a spec."""
    return {key_of(name, info): info for name, info in model.model_fields.items()}


def marked(model: type[BaseModel], value: Any) -> Iterator[tuple[Loc, Any, Marker]]:
    """Yield (path, value, marker) of every nested component and path in a section.

    Args:
        model: the section's model.
        value: a `Node`, an instance of the model, or plain data.
    """
    table = _table(value)
    for key, info in keys(model).items():
        if key in table:
            yield from _marked(info.annotation, info.metadata, table[key], (key,))


def markers(annotation: Any, metadata: Any = ()) -> list[Marker]:
    """Return the markers in an annotation, nested models left out."""
    own = [m for m in metadata if isinstance(m, Marker)]
    if get_origin(annotation) is Annotated:
        return own + markers(annotation.__origin__, annotation.__metadata__)
    for argument in get_args(annotation):
        own += markers(argument)
    return own


def _marked(annotation: Any, metadata: Any, value: Any, at: Loc) -> Iterator[Any]:
    inner = value.value if isinstance(value, Node) else value
    if inner is None:
        return
    marker = next((m for m in metadata if isinstance(m, Marker)), None)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        yield from _marked(annotation.__origin__, annotation.__metadata__, value, at)
    elif origin in (Union, types.UnionType):
        for arm in arguments:
            found = list(_marked(arm, metadata, value, at))
            if found:
                yield from found
                return
    elif isinstance(inner, list | tuple):
        if origin in (list, tuple) or marker:
            arms = [a for a in arguments if a is not Ellipsis] or [annotation]
            for i, item in enumerate(inner):
                arm = arms[min(i, len(arms) - 1)]
                yield from _marked(arm, metadata if marker else (), item, (*at, i))
    elif origin in (dict, Mapping):
        for key, item in _table(value).items():
            yield from _marked(arguments[1], metadata if marker else (), item, (*at, key))
    elif marker:
        yield at, value, marker
    elif _is_table(annotation) and isinstance(inner, dict | BaseModel):
        for path, found, its in marked(annotation, value):
            yield (*at, *path), found, its


def _is_table(annotation: Any) -> bool:
    if not isinstance(annotation, type) or not issubclass(annotation, BaseModel):
        return False
    return annotation is not ComponentRef


def _table(value: Any) -> dict[str, Any]:
    if isinstance(value, Node):
        value = value.value
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        return {key_of(name, info): getattr(value, name) for name, info in fields.items()}
    return value if isinstance(value, dict) else {}


def input_values(config: BaseModel) -> Iterator[tuple[str, str, PathKind]]:
    """Yield (dotted path, absolute path, kind) of what a validated section names on disk."""
    for at, value, marker in marked(type(config), config):
        if isinstance(marker, PathKind) and isinstance(value, str):
            yield dotted(at), value, marker


def only_test(config: BaseModel) -> Iterator[str]:
    """Yield the dotted path of each option of a task that concerns its test examples alone."""
    for key, info in keys(type(config)).items():
        value = _table(config)[key]
        if any(isinstance(marker, OnlyTest) for marker in info.metadata):
            yield key
        elif isinstance(value, BaseModel) and _is_table(type(value)):
            yield from (f"{key}.{inner}" for inner in only_test(value))


def dotted(at: Loc) -> str:
    """Return a path as one string."""
    return ".".join(str(step) for step in at)


def step_into(value: Any, step: str) -> Any:
    """Return what a validated section, a list or a table holds at one step of a dotted path."""
    if isinstance(value, list | tuple):
        return value[int(step)] if step.isdigit() and int(step) < len(value) else None
    return _table(value).get(step)


def put(data: Any, at: Loc, value: Any) -> None:
    """Set one value of plain JSON data in place."""
    for step in at[:-1]:
        data = data[step]
    data[at[-1]] = value


def put_dotted(data: Any, path: str, value: Any) -> None:
    """Set one value of plain JSON data in place, by its dotted path."""
    *steps, last = path.split(".")
    for step in steps:
        data = data[int(step)] if isinstance(data, list) else data[step]
    data[int(last) if isinstance(data, list) else last] = value


def absolute(node: Node) -> str:
    """Return a path written in a spec, relative ones from where they were written."""
    path = Path(node.value)
    with suppress(RuntimeError):  # "~name" of nobody is an odd file name, no home
        path = path.expanduser()
    return str(path if path.is_absolute() else node.place.base / path)
