"""JSON with places. Refuses what the standard library lets pass: duplicate keys, NaN, infinity."""

from __future__ import annotations

import json
import math
import re
from json.decoder import JSONDecodeError
from pathlib import Path
from typing import Any, NoReturn

from kpframework.spec.tree import Budget, Lines, Node, duplicate, not_finite, syntax

# The standard library's own string scanner is fast and exact; its stubs leave it out.
_scanstring: Any = vars(json.decoder)["scanstring"]

_SPACE = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_NOT_FINITE = re.compile(r"-?(?:NaN|Infinity)\b")
_WORD = re.compile(r"[\w.+-]+")
_CONSTANTS = {"true": True, "false": False, "null": None}
_MAX_DIGITS = 1000


def read_json(text: str, label: str, base: Path, budget: Budget) -> Node:
    """Return the tree of a JSON text.

    Raises:
        SpecError: with file, line and column: KP103 syntax, KP104 duplicate key, KP106 not a finite
            number, KP107 a limit.
    """
    return _Reader(text, Lines(text, label, base), budget).document()


class _Reader:
    def __init__(self, text: str, lines: Lines, budget: Budget) -> None:
        self.text = text
        self.lines = lines
        self.budget = budget

    def document(self) -> Node:
        node, end = self.value(self.skip(0), 1)
        end = self.skip(end)
        if end < len(self.text):
            self.fail(end, "there is something after the end of the JSON value")
        return node

    def fail(self, at: int, message: str, fix: str = "") -> NoReturn:
        if self.text[at : at + 1] == "#" or self.text[at : at + 2] in ("//", "/*"):
            message = "JSON has no comments"
            fix = "remove it, use the 'description' key, or write the spec as YAML or TOML"
        elif self.text[at : at + 1] == "'":
            message, fix = "strings and keys stand in double quotes", 'write "…"'
        elif at >= len(self.text):
            message, fix = f"the file ends too early: {message}", ""
        raise syntax(message, self.lines.place(at), fix)

    def skip(self, at: int) -> int:
        match = _SPACE.match(self.text, at)
        return match.end() if match else at

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        place = self.lines.place(at)
        self.budget.node(place, depth)
        first = self.text[at : at + 1]
        if first == "{":
            return self.table(at, depth)
        if first == "[":
            return self.array(at, depth)
        if first == '"':
            text, end = self.string(at)
            return Node(text, place), end
        number = _NUMBER.match(self.text, at)
        if number:
            return Node(self.number(number), place), number.end()
        if bad := _NOT_FINITE.match(self.text, at):
            raise not_finite(bad.group(), place)
        word = _WORD.match(self.text, at)
        if word and word.group() in _CONSTANTS:
            return Node(_CONSTANTS[word.group()], place), word.end()
        shown = f", not {word.group()[:40]!r}" if word else ""
        self.fail(at, f"a value is expected here{shown}", 'text stands in double quotes: "…"')

    def number(self, match: re.Match[str]) -> int | float:
        text, place = match.group(), self.lines.place(match.start())
        if self.text[match.end() : match.end() + 1].isdigit():
            raise syntax("a number has no leading zero", place)
        if match.group(1) is None and match.group(2) is None:
            if len(text) > _MAX_DIGITS:
                raise not_finite(f"a number of {len(text)} digits", place)
            return int(text)
        number = float(text)
        if math.isinf(number):
            raise not_finite(text[:40], place)
        return number

    def string(self, at: int) -> tuple[str, int]:
        try:
            text, end = _scanstring(self.text, at + 1, True)
            return str(text), int(end)
        except JSONDecodeError as error:
            place = self.lines.place(error.pos)
            if error.msg.startswith("Unterminated"):
                raise syntax("this string has no closing quote", self.lines.place(at)) from None
            if error.msg.startswith("Invalid control"):
                message = "a string cannot hold a line break or a control character"
                raise syntax(message, place, "write \\n for a line break, \\t for a tab") from None
            raise syntax("not a valid \\ escape", place, "write \\\\ for a backslash") from None

    def array(self, at: int, depth: int) -> tuple[Node, int]:
        place, items = self.lines.place(at), []
        at = self.skip(at + 1)
        while self.text[at : at + 1] != "]":
            node, at = self.value(at, depth + 1)
            items.append(node)
            at = self.separator(at, "]")
        return Node(items, place), at + 1

    def table(self, at: int, depth: int) -> tuple[Node, int]:
        place = self.lines.place(at)
        table: dict[str, Node] = {}
        at = self.skip(at + 1)
        while self.text[at : at + 1] != "}":
            if self.text[at : at + 1] != '"':
                self.fail(at, "a key in double quotes is expected here")
            key_place = self.lines.place(at)
            key, at = self.string(at)
            at = self.skip(at)
            if self.text[at : at + 1] != ":":
                self.fail(at, f"':' is expected after the key {key!r}")
            if key in table:
                raise duplicate(key, key_place, table[key].where)
            node, at = self.value(self.skip(at + 1), depth + 1)
            table[key] = Node(node.value, node.place, key_place)
            at = self.separator(at, "}")
        return Node(table, place), at + 1

    def separator(self, at: int, closing: str) -> int:
        at = self.skip(at)
        if self.text[at : at + 1] == closing:
            return at
        if self.text[at : at + 1] != ",":
            self.fail(at, f"',' or {closing!r} is expected here")
        after = self.skip(at + 1)
        if self.text[after : after + 1] == closing:
            self.fail(at, f"there is a comma before {closing!r}", "remove the comma")
        return after
