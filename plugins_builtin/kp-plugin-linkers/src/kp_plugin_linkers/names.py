"""Names of a knowledge base, each resolved to one entity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

from kp_plugin_linkers.characters import fold, plain

Choice = tuple[str, float]
"""Entity id and prior."""
ACRONYM = 6
"""Longest name, in characters, that 'smart' casing takes for an acronym."""


class Names:
    """Maps a surface to the entity it means.

    Args:
        names: (name, entity id, prior), as `KnowledgeBase.names` yields them.
        casing: whether case counts: never, always, or for short names without a lower-case letter.
        ambiguity: how a name of several entities is resolved.
    """

    def __init__(
        self,
        names: Iterable[tuple[str, str, float]],
        casing: Literal["ignore", "keep", "smart"],
        ambiguity: Literal["prior", "skip", "first"],
    ) -> None:
        self._normal = plain if casing == "keep" else fold
        self._loose: dict[str, Choice] = {}
        self._exact: dict[str, Choice] = {}
        ambiguous: set[tuple[bool, str]] = set()
        for raw, entity, prior in names:
            name = plain(raw.strip())
            if not name:
                continue
            exact = casing == "smart" and _acronym(name)
            table, key = (self._exact, name) if exact else (self._loose, self._normal(name))
            held = table.setdefault(key, (entity, prior))
            if held[0] != entity:
                ambiguous.add((exact, key))
                if ambiguity == "prior" and (-prior, entity) < (-held[1], held[0]):
                    table[key] = (entity, prior)
            elif prior > held[1]:
                table[key] = (entity, prior)
        self.total = len(self._loose) + len(self._exact)
        self.ambiguous = len(ambiguous)
        self._skipped = ambiguous if ambiguity == "skip" else set()

    def normal(self, text: str) -> str:
        """Return the form in which texts and `patterns` are compared, as many characters long."""
        return self._normal(text)

    def patterns(self) -> Iterator[str]:
        """Yield the normal form of every name that means an entity; may repeat one."""
        for key in self._loose:
            if (False, key) not in self._skipped:
                yield key
        for key in self._exact:
            if (True, key) not in self._skipped:
                yield self._normal(key)

    def lookup(self, surface: str) -> Choice | None:
        """Return what a surface means; an acronym as it stands comes before a name in any case."""
        exact = plain(surface)
        if exact in self._exact:
            return None if (True, exact) in self._skipped else self._exact[exact]
        key = self._normal(surface)
        return None if (False, key) in self._skipped else self._loose.get(key)


def _acronym(name: str) -> bool:
    return len(name) <= ACRONYM and name.isupper()
