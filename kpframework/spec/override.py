"""``--set a.b.c=value``: one value of a spec, from the command line."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from kpframework.errors import Problem, SpecError
from kpframework.spec.findings import printable
from kpframework.spec.json_source import read_json
from kpframework.spec.merge import component, retyped
from kpframework.spec.tree import MAX_DEPTH, Budget, Node, Place, node_of


def overridden(root: Node, assignments: Sequence[str]) -> Node:
    """Return the tree with each ``path=value`` applied in turn.

    A value is JSON, or else text. Items of a list are addressed by ``id`` or index. Relative paths
    in a value start from the current folder.

    Raises:
        SpecError: KP111, with all that are wrong.
    """
    problems: list[Problem] = []
    for assignment in assignments:
        try:
            root = _apply(root, assignment)
        except SpecError as error:
            problems += error.problems
    if problems:
        raise SpecError.of(problems)
    return root


def _apply(root: Node, assignment: str) -> Node:
    path, equals, text = assignment.partition("=")
    place = Place(f"--set {printable(path)}", 0, 0, Path.cwd())
    steps = path.strip().split(".")
    if not equals:
        raise _wrong(place, "there is no '='", "write --set path.to.option=value")
    if not all(steps) or len(steps) > MAX_DEPTH:
        message = "the path is not one of names joined by dots"
        raise _wrong(place, message, "write --set injections.map.mapper.hidden=512")
    return _put(root, steps, 0, _value(text, place), place)


def _value(text: str, place: Place) -> Node:
    stripped = text.strip()
    try:
        plain = read_json(stripped, place.label, place.base, Budget()).plain()
    except SpecError as error:
        # Text that begins like a table, a list or a string was surely meant as JSON.
        if stripped[:1] in ("{", "[", '"'):
            problem = error.problems[0]
            message = f"the value is not valid JSON: {problem.message}"
            raise _wrong(place, message, problem.fix) from None
        plain = text
    if any("\ud800" <= c <= "\udfff" for c in str(plain)):
        raise _wrong(place, "the value is not valid text", "")
    return node_of(plain, place, place)


def _put(node: Node, steps: list[str], at: int, new: Node, place: Place) -> Node:
    if at == len(steps):
        return Node(new.value, place, node.key and place)
    if isinstance(node.value, list):
        index, used = _item(node, steps, at, place)
        items = list(node.value)
        items[index] = _put(items[index], steps, at + used, new, place)
        return Node(items, node.place, node.key)
    if isinstance(node.value, str):
        node = component(node)
    if node.value is None:
        node = Node({}, place, node.key)
    if not isinstance(node.value, dict):
        message = f"{'.'.join(steps[:at])} is {node.value!r}: there is nothing inside to set"
        raise _wrong(place, message, f"write --set {'.'.join(steps[:at])}=…")
    key, last = steps[at], at == len(steps) - 1
    table = dict(node.value)
    if key == "type" and last and isinstance(new.value, str):
        table = retyped(node, new.value)
    child = table.get(key) or Node(None, place, place)
    table[key] = _put(child, steps, at + 1, new, place)
    return Node(table, node.place, node.key)


def _item(node: Node, steps: list[str], at: int, place: Place) -> tuple[int, int]:
    """Return the index of a list's item and how many steps name it: an id may hold dots."""
    ids = [item.text("id") for item in node.value]
    for end in range(len(steps), at, -1):
        name = ".".join(steps[at:end])
        if name in ids:
            return ids.index(name), end - at
    step = steps[at]
    if step.isascii() and step.isdigit() and len(step) < 9 and int(step) < len(ids):
        return int(step), 1
    known = [name for name in ids if name]
    where = ".".join(steps[:at])
    close = get_close_matches(step, known, n=1)
    message = f"{where} has no item with the id or index {step!r}."
    message += f" Did you mean {close[0]!r}?" if close else ""
    shown = ", ".join(known[:20]) or f"0 to {len(ids) - 1}"
    raise _wrong(place, message, f"items of {where}: {shown}" if ids else f"{where} is empty")


def _wrong(place: Place, message: str, fix: str) -> SpecError:
    return SpecError("KP111", message, fix, place.label)
