"""Everything that is wrong with one spec, collected and shown in the order of the file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from kpframework.errors import Problem, SpecError
from kpframework.spec.tree import Loc, Node, Place

MAX_FINDINGS = 100


class Findings:
    """Problems of one spec with their places."""

    def __init__(self, root: Node) -> None:
        self.root = root
        self._found: dict[Problem, Place] = {}
        self.cut = False

    @property
    def full(self) -> bool:
        """Whether no more are taken."""
        return len(self._found) >= MAX_FINDINGS

    def add(self, code: str, loc: Loc, message: str, fix: str = "", by_key: bool = False) -> None:
        """Add a problem.

        Args:
            code: its stable code.
            loc: path in the spec; where nothing is written there, the nearest section is named.
            message: what is wrong.
            fix: what to do.
            by_key: whether the key is at fault, not its value.
        """
        self.put(Problem(code, message, fix), loc, by_key)

    def put(self, problem: Problem, loc: Loc, by_key: bool = False) -> None:
        """Add a problem found without knowing its place."""
        if self.full:
            self.cut = True
            return
        node, place = self.root, self.root.place
        for i, step in enumerate(loc):
            child = node.get(step)
            if child is None:
                place = node.where
                break
            node = child
            place = node.where if by_key and i == len(loc) - 1 else node.place
        placed = Problem(
            problem.code, clean(problem.message), clean(problem.fix), str(place), self.words(loc)
        )
        self._found.setdefault(placed, place)

    def words(self, loc: Loc) -> str:
        """Return a path in the user's words: ``injections[map].mapper.hidden``."""
        node: Node | None = self.root
        text = ""
        for step in loc:
            node = node.get(step) if node else None
            if isinstance(step, int):
                name = node.text("id") if node else None
                text += f"[{printable(name) if name else step}]"
            else:
                text += f".{printable(step)}" if text else printable(step)
        return text

    def raise_any(self) -> None:
        """Raise all problems as one error; return if there are none.

        Raises:
            SpecError: in the order of the file.
        """
        if not self._found:
            return
        label = self.root.place.label
        problems = sorted(self._found, key=lambda p: _order(label, self._found[p]))
        if self.cut:
            message = f"there are more; only the first {MAX_FINDINGS} found are shown"
            problems.append(Problem("KP300", message))
        raise SpecError.of(problems)


def _order(root: str, place: Place) -> tuple[bool, str, int, int]:
    return (place.label != root, place.label, place.line, place.column)


def clean(text: str) -> str:
    """Return a message safe for a terminal; it may quote what anybody wrote."""
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text[:4000])


def printable(text: str) -> str:
    """Return a name on one line, safe for a terminal, cut to 60 characters."""
    safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text[:61])
    return safe if len(text) <= 60 else safe[:60] + "…"


def shown(value: Any) -> str:
    """Return a value as JSON on one line, cut to 60 characters."""
    return printable(json.dumps(value, ensure_ascii=False))


def misspelt(wrong: str, right: str, section: str) -> tuple[str, str]:
    """Return message and fix for a key that is nearly one that is needed."""
    message = f"{wrong[:60]!r} is not an option of {section}. Did you mean {right!r}?"
    return message, f"rename it to {right!r}"


def listed(words: Sequence[str], conjunction: str = "or") -> str:
    """Return ``a, b or c``."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {conjunction} {words[-1]}"
