"""The names of a knowledge base on disk, mapped and searched."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from marisa_trie import Trie

from kp_plugin_linkers.characters import fold, plain, words
from kp_plugin_linkers.name_build import ACRONYM, Casing, storable

FORMAT = 2


class Found:
    """The names in one text, searched where they are asked for.

    A word costs at most as much as the longest name is long, so that all of them are linear.
    """

    def __init__(self, forms: Trie, normal: str, longest: int, least: tuple[int, int]) -> None:
        self._prefixes, self._normal, self._longest = forms.prefixes, normal, longest
        self._min_length, self._min_letters = least
        spans = words(normal)
        self.starts = [start for start, _ in spans]
        self._ends = {end for _, end in spans}

    def ends(self, start: int) -> Iterator[int]:
        """Yield where the names end that begin at a start, the longest first."""
        for name in reversed(self._prefixes(self._normal[start : start + self._longest])):
            fits = len(name) >= self._min_length and start + len(name) in self._ends
            if fits and _has_letters(name, self._min_letters):
                yield start + len(name)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Yield all, in order, of equal starts the longest first."""
        return ((start, end) for start in self.starts for end in self.ends(start))


class NameIndex:
    """What `kp_plugin_linkers.name_build.write_index` wrote.

    Names in their normal form are the keys of a trie (marisa-trie: Yata, a recursive LOUDS trie).
    A name's number is the trie's, or follows those where it is an acronym that must stand as is.
    """

    def __init__(self, folder: Path, casing: Casing) -> None:
        self._normal = plain if casing == "keep" else fold
        self._forms, self._acronyms, self._entities = (
            Trie().mmap(str(folder / f"{key}.marisa")) for key in ("forms", "acronyms", "entities")
        )
        # As plain arrays: slicing a numpy.memmap costs three times as much.
        self._start, self._entity, self._prior, self._form_of, self._length, self._letters = (
            np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for key in ("start", "entity", "prior", "form_of", "length", "letters")
        )
        self._longest = int(self._length.max(initial=0))

    def find(self, text: str, min_length: int, min_letters: int) -> Found:
        """Return the names in a text, case aside.

        Args:
            text: as it stands.
            min_length: fewest characters of a name.
            min_letters: fewest letters of a name.
        """
        normal = self._normal(storable(text))
        return Found(self._forms, normal, self._longest, (min_length, min_letters))

    def name(self, surface: str) -> int | None:
        """Return the number of the name that a surface is, if it is one.

        An acronym as it stands comes before a name in any case.
        """
        surface = storable(surface)
        if len(surface) <= ACRONYM and (at := self._acronyms.get(surface)) is not None:
            return len(self._forms) + int(at)
        number: int | None = self._forms.get(self._normal(surface))
        return (
            number if number is not None and self._start[number + 1] > self._start[number] else None
        )

    def candidates(self, name: int) -> list[tuple[str, float]]:
        """Return (entity id, prior) of each entity of a name, in the knowledge base's order."""
        start, stop = self._start[name : name + 2].tolist()
        entities = map(self._entities.restore_key, self._entity[start:stop].tolist())
        return list(zip(entities, self._prior[start:stop].tolist(), strict=True))

    def count(self) -> tuple[int, int]:
        """Return how many names there are, and how many of them mean several entities."""
        entities = np.diff(self._start)
        return int((entities > 0).sum()), int((entities > 1).sum())

    def ambiguous_entities(self) -> list[str]:
        """Return, sorted, the ids of the entities that share a name with another."""
        entities = np.diff(self._start)
        shared = np.unique(self._entity[np.repeat(entities > 1, entities)])
        return sorted(map(self._entities.restore_key, shared.tolist()))

    def short(self, least: int, letters: int, skip_ambiguous: bool) -> int:
        """Return how many names, case aside, are too short to be found in running text."""
        entities = np.diff(self._start)
        usable: npt.NDArray[np.bool_] = (entities == 1) if skip_ambiguous else (entities > 0)
        forms, acronyms = np.split(usable, [len(self._forms)])
        forms[self._form_of[acronyms]] = True
        return int((forms & ((self._length < least) | (self._letters < letters))).sum())


def _has_letters(text: str, count: int) -> bool:
    found = filter(str.isalpha, text)
    return count <= 0 or next(islice(found, count - 1, None), None) is not None
