"""What installed distributions require, as far as it is installed: read from metadata alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from kpframework.plugins.discovery import COMMANDS_GROUP, GROUP
from kpframework.plugins.editable import source_digest

CORE = "kpframework"


def required(names: Iterable[str]) -> set[str]:
    """Return the names of what distributions require themselves."""
    return {own for name in names for own, _ in _requires(_canonical(name))}


def closure(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of distributions and of all that they require, by name, sorted.

    Extras count where a requirement asks for them; what is not installed is left out.
    """
    found: set[tuple[str, str]] = set()
    left = [(_canonical(name), "") for name in names]
    while left:
        own = left.pop()
        if own not in found:
            found.add(own)
            left += _requires(*own)
    return versions(name for name, _ in found)


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of those distributions that are installed, by name, sorted."""
    found = {name: _installed(name) for name in sorted(set(names))}
    return {name: own.version for name, own in found.items() if own is not None}


@cache
def built_on(name: str) -> tuple[str, ...]:
    """Return the distributions made for kpframework that one requires, at any depth, sorted.

    They are told by requiring kpframework themselves: a plugin may import what another holds.
    """
    found: set[str] = set()
    left = [_canonical(name)]
    while left:
        for own, _ in _requires(left.pop()):
            if own != CORE and own not in found and (CORE, "") in _requires(own):
                found.add(own)
                left.append(own)
    return tuple(sorted(found - {_canonical(name)}))


def pinned(name: str, version: str = "") -> str:
    """Return what tells one state of a distribution from another.

    That is its version; behind it stands a digest of its Python files where it is edited in place.

    Args:
        name: of the distribution.
        version: of it, where it is known.
    """
    found = _installed(name)
    if found is None:
        return version
    groups = (GROUP, COMMANDS_GROUP)
    modules = {e.value.partition(".")[0] for e in found.entry_points if e.group in groups}
    for module in sorted(modules) or [name.replace("-", "_")]:
        if digest := source_digest(name, module):
            return f"{version or found.version} source:{digest[:16]}"
    return version or found.version


@cache
def _requires(name: str, extra: str = "") -> tuple[tuple[str, str], ...]:
    """Return (name, extra) of each requirement of a distribution that holds here."""
    from packaging.requirements import InvalidRequirement, Requirement

    found = _installed(name)
    needed: list[tuple[str, str]] = []
    for line in (found.requires or ()) if found else ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            other = _canonical(requirement.name)
            needed += [(other, own) for own in ("", *sorted(requirement.extras))]
    return tuple(needed)


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
