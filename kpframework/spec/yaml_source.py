"""The harmless part of YAML: no anchors, aliases, tags or duplicate keys, and `no` is a text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kpframework.errors import SpecError
from kpframework.spec.tree import Budget, Lines, Node, Place, duplicate, not_finite, syntax

_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,999})")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF|nan|NaN|NAN)")


def read_yaml(text: str, label: str, base: Path, budget: Budget) -> Node:
    """Return the tree of a YAML text.

    Raises:
        SpecError: with file, line and column: KP103 syntax, KP104 duplicate key, KP105 an anchor,
            alias or tag, KP106 not a finite number, KP107 a limit.
    """
    return _Reader(text, Lines(text, label, base), budget).document()


class _Reader:
    def __init__(self, text: str, lines: Lines, budget: Budget) -> None:
        self.lines = lines
        self.budget = budget
        self.events = self.parse(text)

    def parse(self, text: str) -> Iterator[Any]:
        from ruamel.yaml import YAML
        from ruamel.yaml.error import MarkedYAMLError

        try:
            yield from YAML(typ="safe", pure=True).parse(text)
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = self.lines.at(mark.line + 1, mark.column + 1) if mark else self.lines.at(1, 1)
            fix = "indent with spaces, not with tabs" if "'\\t'" in str(error.problem) else ""
            raise syntax(str(error.problem or error.context), place, fix) from None
        except SpecError:
            raise
        except Exception as error:
            # The parser meets some malformed escapes and characters with errors of other types.
            problem = str(error).strip().splitlines() or [type(error).__name__]
            raise syntax(f"not readable as YAML: {problem[0]}", self.lines.at(1, 1)) from None

    def document(self) -> Node:
        node: Node | None = None
        for event in self.events:
            kind = type(event).__name__
            if kind in ("StreamStartEvent", "DocumentStartEvent", "DocumentEndEvent"):
                continue
            if kind == "StreamEndEvent":
                break
            if node is not None:
                raise syntax("a spec is one YAML document", self.place(event))
            node = self.node(event, 1)
        return node or Node(None, self.lines.at(1, 1))

    def place(self, event: Any) -> Place:
        mark = event.start_mark
        return self.lines.at(mark.line + 1, mark.column + 1)

    def node(self, event: Any, depth: int) -> Node:
        place = self.place(event)
        self.refuse(event, place)
        self.budget.node(place, depth)
        kind = type(event).__name__
        if kind == "ScalarEvent":
            plain = event.style is None
            return Node(_scalar(event.value, place) if plain else event.value, place)
        if kind == "SequenceStartEvent":
            items = []
            for inner in self.events:
                if type(inner).__name__ == "SequenceEndEvent":
                    break
                items.append(self.node(inner, depth + 1))
            return Node(items, place)
        table: dict[str, Node] = {}
        for inner in self.events:
            if type(inner).__name__ == "MappingEndEvent":
                break
            self.entry(inner, table, depth)
        return Node(table, place)

    def entry(self, event: Any, table: dict[str, Node], depth: int) -> None:
        place = self.place(event)
        self.refuse(event, place)
        if type(event).__name__ != "ScalarEvent":
            raise syntax("a key is a text", place)
        key = event.value
        if key in table:
            raise duplicate(key, place, table[key].where)
        node = self.node(next(self.events), depth + 1)
        table[key] = Node(node.value, node.place, place)

    def refuse(self, event: Any, place: Place) -> None:
        found = ""
        if type(event).__name__ == "AliasEvent":
            found = f"an alias (*{event.anchor})"
        elif event.anchor:
            found = f"an anchor (&{event.anchor})"
        elif event.tag is not None:
            found = f"a tag ({str(event.tag).replace('tag:yaml.org,2002:', '!!')})"
        if found:
            fix = "write the value out, or share sections between files with 'extends'"
            raise SpecError("KP105", f"{found} is not allowed in a spec", fix, str(place))


def _scalar(text: str, place: Place) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _NOT_FINITE.fullmatch(text):
        raise not_finite(text, place)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise not_finite(text[:40], place)
        return number
    return text
