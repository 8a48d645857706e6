"""What a spec file is read into: plain values that remember where they were written."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework.errors import SpecError

Loc = tuple[str | int, ...]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
MAX_NODES = 20_000
MAX_FILES = 32


@dataclass(frozen=True)
class Place:
    """Where something was written."""

    label: str
    """The file as messages name it, or the ``--set`` that gave the value."""
    line: int
    """From 1; 0 where there are no lines."""
    column: int
    base: Path
    """Folder that relative paths written here start from."""

    def __str__(self) -> str:
        return f"{self.label}:{self.line}:{self.column}" if self.line else self.label

    @property
    def override(self) -> bool:
        """Whether it comes from the command line."""
        return self.line == 0


@dataclass(frozen=True)
class Node:
    """A value: a scalar, a list of nodes or a dict of nodes."""

    value: Any
    place: Place
    key: Place | None = None
    """Where the key that names it was written; None for list items and the root."""

    @property
    def where(self) -> Place:
        """The key's place where there is one, else the value's."""
        return self.key or self.place

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain() for child in self.value]
        return self.value

    def get(self, key: str | int) -> Node | None:
        """Return the child, or None if there is none."""
        if isinstance(self.value, dict) and isinstance(key, str):
            found: Node | None = self.value.get(key)
            return found
        if isinstance(self.value, list) and isinstance(key, int) and key < len(self.value):
            item: Node = self.value[key]
            return item
        return None

    def at(self, loc: Loc) -> Node | None:
        """Return the descendant at a path, or None."""
        node: Node | None = self
        for step in loc:
            node = node.get(step) if node else None
        return node

    def items(self) -> Iterator[tuple[int, Node]]:
        """Yield (index, item) of a list; nothing for another value."""
        if isinstance(self.value, list):
            yield from enumerate(self.value)

    def text(self, key: str) -> str | None:
        """Return the string at a key, or None if there is none or it is not a string."""
        child = self.get(key)
        return child.value if child is not None and isinstance(child.value, str) else None


def node_of(value: Any, place: Place, key: Place | None = None) -> Node:
    """Return plain data as a tree that has one place everywhere."""
    if isinstance(value, Mapping):
        return Node({str(k): node_of(v, place, place) for k, v in value.items()}, place, key)
    if isinstance(value, list | tuple):
        return Node([node_of(v, place) for v in value], place, key)
    return Node(value, place, key)


class Budget:
    """Counts what one spec and everything it extends may hold."""

    def __init__(self) -> None:
        self.nodes = 0
        self.files = 0

    def node(self, place: Place, depth: int) -> None:
        """Count one value.

        Raises:
            SpecError: KP107, too many values or nested too deeply.
        """
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise too_large(f"a spec has at most {MAX_NODES:,} values", str(place))
        if depth > MAX_DEPTH:
            raise too_large(f"a spec nests at most {MAX_DEPTH} levels", str(place))

    def file(self, place: str) -> None:
        """Count one file.

        Raises:
            SpecError: KP107, too many files.
        """
        self.files += 1
        if self.files > MAX_FILES:
            raise too_large(f"a spec is made of at most {MAX_FILES} files", place)


def too_large(message: str, where: str) -> SpecError:
    """Return the error for a limit."""
    return SpecError("KP107", message, "put data into files that the spec names", where)


def syntax(message: str, place: Place, fix: str = "") -> SpecError:
    """Return the error for text that cannot be read."""
    return SpecError("KP103", message, fix, str(place))


def duplicate(key: str, place: Place, first: Place) -> SpecError:
    """Return the error for a key given twice."""
    message = f"the key {key!r} is given twice; the first one is in line {first.line}"
    return SpecError("KP104", message, "remove one of the two", str(place))


def not_finite(text: str, place: Place) -> SpecError:
    """Return the error for NaN and infinity."""
    return SpecError("KP106", f"{text} is not a number a spec can hold", "", str(place))


class Lines:
    """Turns offsets into a text into places."""

    def __init__(self, text: str, label: str, base: Path) -> None:
        self._label, self._base = label, base
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> Place:
        """Return the place of a character."""
        line = bisect_right(self._starts, offset)
        return Place(self._label, line, offset - self._starts[line - 1] + 1, self._base)

    def at(self, line: int, column: int) -> Place:
        """Return a place by its line and column, both from 1."""
        return Place(self._label, line, column, self._base)
