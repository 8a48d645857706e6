"""TOML: values from the standard library, places from a scan of the text it accepted."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kpframework.errors import SpecError
from kpframework.spec.toml_places import Places, scan
from kpframework.spec.tree import Budget, Lines, Loc, Node, Place, not_finite, syntax, too_large

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
# tomllib takes quadratic time for a dotted key; no spec nests this deeply.
_LONG_KEY = re.compile(
    r"""(?<![\w"'-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}""", re.ASCII
)


def read_toml(text: str, label: str, base: Path, budget: Budget) -> Node:
    """Return the tree of a TOML text.

    Raises:
        SpecError: with file, line and column: KP103 syntax, KP104 duplicate key, KP106 not a finite
            number, KP107 a limit.
    """
    lines = Lines(text, label, base)
    if found := _LONG_KEY.search(text):
        raise too_large("a key has at most 64 parts", str(lines.place(found.start())))
    try:
        data = tomllib.loads(text)
        places = scan(text.replace("\r\n", "\n"))
    except RecursionError:
        raise too_large("the file nests too deeply", str(lines.at(1, 1))) from None
    except tomllib.TOMLDecodeError as error:
        raise _syntax(error, text, lines) from None
    except ValueError:
        raise not_finite("a number of thousands of digits", lines.at(1, 1)) from None
    return _Builder(places, lines, budget).node(data, (), lines.at(1, 1), 1)


def _syntax(error: tomllib.TOMLDecodeError, text: str, lines: Lines) -> SpecError:
    message = str(error)
    at = _AT.search(message)
    message = _AT.sub("", message)
    place = lines.place(len(text))
    if at and at[1]:
        place = lines.at(int(at[1]), int(at[2]))
    if message.startswith(("Cannot overwrite", "Cannot declare")):
        return SpecError("KP104", f"given twice: {message}", "remove one of the two", str(place))
    return syntax(f"not readable as TOML: {message}", place)


class _Builder:
    def __init__(self, places: Places, lines: Lines, budget: Budget) -> None:
        self.places = places
        self.lines = lines
        self.budget = budget

    def node(self, value: Any, loc: Loc, parent: Place, depth: int) -> Node:
        key_at, value_at = self.places.get(loc, (None, None))
        key = self.lines.at(*key_at) if key_at else None
        if key is None and loc and isinstance(loc[-1], str):
            key = parent
        place = self.lines.at(*value_at) if value_at else (key or parent)
        self.budget.node(place, depth)
        if isinstance(value, Mapping):
            table = {k: self.node(v, (*loc, k), place, depth + 1) for k, v in value.items()}
            return Node(table, place, key)
        if isinstance(value, list):
            items = [self.node(v, (*loc, i), place, depth + 1) for i, v in enumerate(value)]
            return Node(items, place, key)
        if isinstance(value, float) and not math.isfinite(value):
            raise not_finite(str(value), place)
        if not isinstance(value, str | bool | int | float):
            raise syntax("a spec holds no dates", place, f"put it into quotes: '{value}'")
        return Node(value, place, key)
