"""What installed distributions require, as far as it is installed: read from metadata alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from kpframework.plugins.editable import distribution_digest

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
    found = {name: _version(name) for name in sorted(set(names))}
    return {name: own for name, own in found.items() if own is not None}


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

    That is its version; behind it stands a digest of all its Python files where it is edited in
    place.

    Args:
        name: of the distribution.
        version: of it, where it is known.
    """
    version = version or _version(name) or ""
    digest = distribution_digest(name)
    return f"{version} source:{digest[:16]}" if digest else version


@cache
def _version(name: str) -> str | None:
    found = _installed(name)
    return None if found is None else found.version


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
