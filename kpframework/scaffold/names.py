"""How a new plugin is called: checked first, then everything else follows from kind and name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kpframework import __version__
from kpframework.api import __all__ as API_NAMES
from kpframework.component import KINDS
from kpframework.errors import SpecError
from kpframework.plugins.lookup import did_you_mean

PREFIX = "kp-plugin-"
LONGEST = 28
"""Characters of a name: with more, lines of the generated code would be too long."""
_LONGEST_CLASS = 26
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_AUTHOR = re.compile(r"(?P<name>[^<>]*[^<>\s])(?:\s*<(?P<email>[^<>@\s]+@[^<>@\s]+)>)?")
_SUFFIXES = {"kb": "KB", "host": "Adaptation"}
"""Ends of class names, where they are not the kind itself."""


@dataclass(frozen=True)
class Author:
    """Who wrote it, as ``pyproject.toml`` states it."""

    name: str
    email: str = ""


@dataclass(frozen=True)
class Plugin:
    """A plugin that is to be written."""

    kind: str
    name: str
    """Of the plugin and of its one component."""
    author: Author | None = None

    @property
    def distribution(self) -> str:
        """Name of the distribution, and of its folder."""
        return PREFIX + self.name

    @property
    def module(self) -> str:
        """Import name."""
        return self.distribution.replace("-", "_")

    @property
    def class_name(self) -> str:
        """Name of the component's class, none of those that `kpframework.api` has."""
        suffix = _SUFFIXES.get(self.kind, self.kind.capitalize())
        name = "".join(part.capitalize() for part in self.name.split("-"))
        if name.lower().endswith(suffix.lower()):
            name = name[: -len(suffix)]
        name += suffix
        if name[0].isdigit() or name == suffix or name in API_NAMES:
            name = f"Own{name}"
        return name if len(name) <= _LONGEST_CLASS else f"Own{suffix}"

    @property
    def core_range(self) -> str:
        """The versions of kpframework that keep the interface of the one at hand."""
        major, minor = (int(part) for part in __version__.split(".")[:2])
        return f">={major}.{minor},<{f'{major}.{minor + 1}' if major == 0 else major + 1}"


def new_plugin(kind: str, name: str, author: str = "") -> Plugin:
    """Return what is to be written.

    Args:
        kind: of the component.
        name: lower-kebab, without ``kp-plugin-``.
        author: ``Name`` or ``Name <address>``; empty states none.

    Raises:
        SpecError: KP214, there is no such kind, or name or author cannot be used.
    """
    if kind not in KINDS:
        raise SpecError(
            "KP214",
            f"there is no kind {kind!r} of component.{did_you_mean(kind, KINDS)}",
            f"take one of {', '.join(KINDS)}",
        )
    if not _NAME.fullmatch(name) or len(name) > LONGEST or name.startswith(PREFIX):
        raise SpecError("KP214", f"{name!r} cannot be the name of a plugin", _better(name))
    return Plugin(kind, name, _author(author) if author.strip() else None)


def _better(name: str) -> str:
    words = re.findall(r"[a-z0-9]+", name.lower().removeprefix(PREFIX).removeprefix("kp_plugin_"))
    own = "-".join(words)[:LONGEST].strip("-") or "my-mapper"
    return (
        f"at most {LONGEST} small letters, digits and single hyphens, such as {own!r}; "
        "'kp-plugin-' is put before it"
    )


def _author(text: str) -> Author:
    found = _AUTHOR.fullmatch(text.strip())
    if found is None or not text.isprintable():
        raise SpecError("KP214", f"{text!r} names no author", "give 'Name' or 'Name <address>'")
    return Author(found["name"], found["email"] or "")
