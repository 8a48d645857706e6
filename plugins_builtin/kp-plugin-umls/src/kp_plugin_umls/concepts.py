"""Entities from names, semantic types and definitions: three files side by side."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from kpframework.api import Entity

Row = tuple[str, ...]
Groups = Iterator[tuple[str, list[Row]]]

NAME = ("CUI", "STR", "LAT", "TS", "STT", "ISPREF", "SAB", "CODE")
TYPE = ("CUI", "TUI", "STY")
DEFINITION = ("CUI", "SAB", "DEF")
_PREFERRED = ("P", "PF", "Y")
_NO_CODE = "NOCODE"


class Beside:
    """The rows of one file for concepts that are asked for in order."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self._next = next(groups, None)

    def of(self, concept: str) -> list[Row]:
        """Return the rows of a concept."""
        while self._next is not None and self._next[0] < concept:
            self._next = next(self._groups, None)
        if self._next is None or self._next[0] != concept:
            return []
        return self._next[1]


class EntityMaker:
    """Makes an entity of the rows of a concept.

    Args:
        config: the options.
        counts: gains ``concepts_without_preferred_name`` and ``concepts_without_type``.
    """

    def __init__(self, config: Any, counts: Counter[str]) -> None:
        self._languages = {language: rank for rank, language in enumerate(config.languages)}
        self._codes = frozenset(config.codes)
        self._type = 2 if config.type_labels == "name" else 1
        wanted = config.definition_sources
        self._definitions = None if wanted is None else {s: rank for rank, s in enumerate(wanted)}
        self._counts = counts
        self._ranks: dict[Row, tuple[int, bool, bool, bool]] = {}

    def entity(
        self,
        concept: str,
        names: list[Row],
        types: list[Row],
        definitions: list[Row],
        retired: Iterable[str],
    ) -> Entity:
        """Return the entity.

        Its name is the one that the Metathesaurus prefers (TS is P, STT is PF, ISPREF is Y) in the
        first language that has names; where no such name is read, the nearest to it.
        """
        best = min(names, key=self._rank)
        if best[3:6] != _PREFERRED:
            self._counts["concepts_without_preferred_name"] += 1
        if not types:
            self._counts["concepts_without_type"] += 1
        name = best[1]
        aliases = dict.fromkeys(row[1] for row in names)
        aliases.pop(name)
        codes = [f"{r[6]}:{r[7]}" for r in names if r[6] in self._codes and r[7] != _NO_CODE]
        return Entity(
            concept,
            name,
            tuple(aliases),
            types=tuple(dict.fromkeys(row[self._type] for row in types)),
            description=self._definition(definitions),
            xrefs=(*retired, *dict.fromkeys(codes)),
        )

    def _rank(self, row: Row) -> tuple[int, bool, bool, bool]:
        flags = row[2:6]
        if flags not in self._ranks:  # a few dozen in a release
            language, status, form, preferred = flags
            self._ranks[flags] = (
                self._languages[language],
                status != _PREFERRED[0],
                form != _PREFERRED[1],
                preferred != _PREFERRED[2],
            )
        return self._ranks[flags]

    def _definition(self, rows: list[Row]) -> str:
        if self._definitions is None:
            return rows[0][2] if rows else ""
        ranks = self._definitions
        known = [row for row in rows if row[1] in ranks]
        return min(known, key=lambda row: ranks[row[1]])[2] if known else ""
