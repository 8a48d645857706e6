"""Where the keys and values of a valid TOML text stand."""

from __future__ import annotations

import re

from kpframework.spec.tree import Loc

At = tuple[int, int]
"""Line and column, both from 1."""
Places = dict[Loc, tuple[At | None, At | None]]
"""Path to the places of the key and of the value."""

_BLANK = re.compile(r"(?:[ \t\n]+|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_STRINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""(?:[^\\]|\\.)*?"{3,5}(?!")',
        r"'''.*?'{3,5}(?!')",
        r'"((?:[^"\\\n]|\\.)*)"',
        r"'([^'\n]*)'",
    )
)


def scan(text: str) -> Places:
    """Return the places of everything in a text that tomllib accepts."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.places


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places: Places = {}
        self.counts: dict[Loc, int] = {}
        self._line, self._line_start, self._seen = 1, 0, 0

    def here(self) -> At:
        # Positions are asked for in order, so counting on from the last one keeps this linear.
        self._line += self.text.count("\n", self._seen, self.at)
        if (newline := self.text.rfind("\n", self._seen, self.at)) >= 0:
            self._line_start = newline + 1
        self._seen = self.at
        return self._line, self.at - self._line_start + 1

    def skip(self, pattern: re.Pattern[str]) -> None:
        if match := pattern.match(self.text, self.at):
            self.at = match.end()

    def document(self) -> None:
        table: Loc = ()
        self.skip(_BLANK)
        while self.at < len(self.text):
            before = self.at
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.skip(_BLANK)
            if self.at == before:
                return

    def header(self) -> Loc:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        loc: Loc = ()
        parts = self.key()
        for i, (part, place) in enumerate(parts):
            loc = (*loc, part)
            self.places.setdefault(loc, (place, place))
            last = i == len(parts) - 1
            if last and array:
                self.counts[loc] = self.counts.get(loc, -1) + 1
            if loc in self.counts:
                loc = (*loc, self.counts[loc])
                self.places.setdefault(loc, (None, place))
        self.skip(_SPACE)
        self.at += 2 if array else 1
        return loc

    def key(self) -> list[tuple[str, At]]:
        parts = []
        while True:
            self.skip(_SPACE)
            place, start = self.here(), self.at
            if match := _BARE.match(self.text, self.at):
                self.at, part = match.end(), match.group()
            else:
                part = self.quoted()
            parts.append((part, place))
            self.skip(_SPACE)
            if self.text[self.at : self.at + 1] != "." or self.at == start:
                return parts
            self.at += 1

    def quoted(self) -> str:
        for pattern in _STRINGS[2:]:
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                return match.group(1)
        return ""

    def pair(self, table: Loc) -> None:
        loc = table
        parts = self.key()
        for part, place in parts:
            loc = (*loc, part)
            self.places.setdefault(loc, (place, place))
        self.skip(_SPACE)
        self.at += 1
        self.skip(_SPACE)
        self.places[loc] = (parts[-1][1], self.here())
        self.value(loc)

    def value(self, loc: Loc) -> None:
        first = self.text[self.at : self.at + 1]
        if first == "[":
            self.at += 1
            self.sequence(loc, "]")
        elif first == "{":
            self.at += 1
            self.sequence(loc, "}")
        elif first in ("'", '"'):
            for pattern in _STRINGS:
                if match := pattern.match(self.text, self.at):
                    self.at = match.end()
                    return
        else:
            self.skip(_SCALAR)

    def sequence(self, loc: Loc, closing: str) -> None:
        index = 0
        while True:
            self.skip(_BLANK)
            before = self.at
            if self.text[self.at : self.at + 1] in (closing, ""):
                self.at += 1
                return
            if closing == "}":
                self.pair(loc)
            else:
                self.places[(*loc, index)] = (None, self.here())
                self.value((*loc, index))
                index += 1
            self.skip(_BLANK)
            if self.text[self.at : self.at + 1] == ",":
                self.at += 1
            if self.at == before:
                return
