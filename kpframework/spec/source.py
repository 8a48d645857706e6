"""Reading a spec file, whichever format it has, and the files it extends."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kpframework.errors import SpecError
from kpframework.spec.fields import absolute
from kpframework.spec.json_source import read_json
from kpframework.spec.merge import merged
from kpframework.spec.toml_source import read_toml
from kpframework.spec.tree import MAX_BYTES, Budget, Lines, Node, Place, too_large
from kpframework.spec.yaml_source import read_yaml

_READERS: dict[str, Callable[[str, str, Path, Budget], Node]] = {
    ".json": read_json,
    ".toml": read_toml,
    ".yaml": read_yaml,
    ".yml": read_yaml,
}
_SURROGATE = re.compile("[\ud800-\udfff]")


def load_tree(path: Path) -> Node:
    """Return the tree of a spec file merged over the files it extends.

    Every value keeps the place it was written at, also in a base file.

    Raises:
        SpecError: KP101 to KP109, with file, line and column.
    """
    return _extended(path, Budget(), (), "")


def read_table(path: Path) -> dict[str, tuple[Any, str]]:
    """Return the top-level values of a JSON, TOML or YAML file, each with where its key stands.

    It is read as a spec is: no anchors, tags or duplicate keys, finite numbers, ``1e-3`` a number.

    Raises:
        SpecError: KP101 to KP107, KP109, the file cannot be read; KP110, it is no table.
    """
    root = _read(path, Budget(), "")
    if not isinstance(root.value, dict):
        raise SpecError("KP110", "the file is not a table of keys and values", "", str(root.place))
    return {key: (child.plain(), str(child.where)) for key, child in root.value.items()}


def label_of(path: Path) -> str:
    """Return how messages name a file: relative where it lies below the current folder."""
    absolute = path.absolute()
    try:
        return absolute.relative_to(Path.cwd()).as_posix()
    except ValueError:
        return str(absolute)


def _extended(path: Path, budget: Budget, above: tuple[Path, ...], where: str) -> Node:
    budget.file(where)
    real = path.resolve()
    if real in above:
        chain = " -> ".join(p.name for p in (*above[above.index(real) :], real))
        raise SpecError("KP108", f"files extend each other in a circle: {chain}", "", where)
    root = _read(path, budget, where)
    if not isinstance(root.value, dict):
        what = "empty" if root.value is None else "not a table of keys and values"
        fix = 'write a table with "version", "name", "backbone", "tasks", "hosts" and "injections"'
        raise SpecError("KP110", f"the spec is {what}", fix, str(root.place))
    if "extends" not in root.value:
        return root
    own = Node({k: v for k, v in root.value.items() if k != "extends"}, root.place)
    bases = root.value["extends"]
    listed = bases.value if isinstance(bases.value, list) else [bases]
    result: Node | None = None
    for base in listed:
        if not isinstance(base.value, str):
            message = "'extends' is the path of a spec, or a list of them"
            raise SpecError("KP108", message, "", str(base.place), "extends")
        node = _extended(Path(absolute(base)), budget, (*above, real), str(base.place))
        result = node if result is None else merged(result, node)
    return own if result is None else merged(result, own)


def _read(path: Path, budget: Budget, where: str) -> Node:
    label = label_of(path)
    where = where or label
    reader = _READERS.get(path.suffix.lower())
    try:
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            fix = "" if where != label else "give the path of a .json, .yaml or .toml file"
            raise SpecError("KP101", f"the spec {label} {what}", fix, where)
        if reader is None:
            message = f"{label}: the kind of file {path.suffix!r} is not known"
            raise SpecError("KP102", message, "name it .json, .yaml, .yml or .toml", where)
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SpecError("KP101", f"the spec {label} cannot be read: {reason}", "", where) from None
    if len(raw) > MAX_BYTES:
        raise too_large(f"{label}: a spec has at most {MAX_BYTES >> 20} MiB", where)
    base = path.absolute().parent
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        place = Lines(before, label, base).place(len(before))
        raise SpecError("KP109", "the file is not UTF-8", "save it as UTF-8", str(place)) from None
    root = reader(text, label, base, budget)
    _refuse_surrogates(root)
    return root


def _refuse_surrogates(node: Node) -> None:
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            if _SURROGATE.search(key):
                raise _surrogate(child.where)
            _refuse_surrogates(child)
    elif isinstance(node.value, list):
        for child in node.value:
            _refuse_surrogates(child)
    elif isinstance(node.value, str) and _SURROGATE.search(node.value):
        raise _surrogate(node.place)


def _surrogate(place: Place) -> SpecError:
    message = "half of a surrogate pair (\\ud800 to \\udfff) is no character"
    return SpecError("KP109", message, "write the character itself", str(place))
