"""The names of a knowledge base on disk: mapped, searched for all words of a text at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kp_plugin_linkers.characters import fold, plain
from kp_plugin_linkers.name_build import COUNTS, Casing
from kp_plugin_linkers.spans import Hashes, Places, Spans, hash_of

FORMAT = 1
_WINDOW = 1 << 17
_ABSENT = -2
_ARRAYS = (
    "entities",
    "candidate_start",
    "candidate_entity",
    "candidate_prior",
    "exact",
    "length",
    "letters",
    "form_start",
    "text_start",
    "bucket_start",
    "slot_hash",
    "slot_name",
)


@dataclass(frozen=True)
class Matches:
    """Spans that look like names; `NameIndex.record` tells whether they are."""

    starts: list[int]
    ends: list[int]
    forms: list[int]


class NameIndex:
    """What `kp_plugin_linkers.name_build.write_index` wrote.

    A name is found by walking from the start of a word to the next ends of words for as long as
    what lies between begins a name. The walk is taken for all starts of a text at once, a step of
    all of them at a time, by a look into a hash table of names and their beginnings. Its cost is
    linear in the text; a start costs at most as many steps as the longest name has ends of words.
    """

    def __init__(self, folder: Path, casing: Casing) -> None:
        self._normal = plain if casing == "keep" else fold
        arrays = {
            key: np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False)
            for key in _ARRAYS
        }
        # As plain arrays: slicing a numpy.memmap costs three times as much.
        self._of = {key: array.view(np.ndarray) for key, array in arrays.items()}
        counts = json.loads((folder / COUNTS).read_text(encoding="utf-8"))
        self.total: int = counts["names"]
        self._longest: int = counts["longest"]
        self._most_ends: int = counts["most_ends"]
        path = folder / "texts.bin"
        self._texts = (
            np.memmap(path, dtype=np.uint8, mode="r").view(np.ndarray)
            if path.stat().st_size
            else np.empty(0, dtype=np.uint8)
        )
        self._shift = np.uint64(64 - (len(self._of["bucket_start"]) - 2).bit_length())

    def normal(self, text: str) -> str:
        """Return the form in which texts and names are compared, as many characters long."""
        return self._normal(text)

    def find(self, normal: str, min_length: int, min_letters: int) -> Matches:
        """Return what may be a name, in order of the start, of equal ones the longest first.

        Args:
            normal: texts in their normal form, with `SEPARATOR` between them.
            min_length: fewest characters of a span.
            min_letters: fewest letters of a span.
        """
        parts = [
            self._window(normal, first, min_length, min_letters)
            for first in range(0, len(normal), _WINDOW)
        ]
        columns = np.concatenate(parts, axis=1) if parts else np.empty((3, 0), dtype=np.int64)
        return Matches(*(column.tolist() for column in columns))

    def _window(self, normal: str, first: int, least: int, letters: int) -> Places:
        """Return shape (3, n): starts, ends and forms of the matches that start in a window."""
        offset = max(first - 1, 0)
        spans = Spans(normal[offset : first + _WINDOW + self._longest + 1])
        starts, ends = spans.starts(), spans.ends()
        low, high = np.searchsorted(starts, (first - offset, first - offset + _WINDOW))
        starts = starts[low:high]
        found: list[Places] = []
        next_end = np.searchsorted(ends, starts, side="right")
        for _ in range(self._most_ends):
            more = next_end < len(ends)
            if not more.all():
                starts, next_end = starts[more], next_end[more]
            if not len(starts):
                break
            until = ends[next_end]
            names = self._probe(spans.hashes(starts, until))
            hit = np.flatnonzero(names >= 0)
            found.append(np.stack([starts[hit], until[hit], names[hit].astype(np.int64) >> 1]))
            on = np.flatnonzero((names & 1).astype(bool) & (names != _ABSENT))
            starts, next_end = starts[on], next_end[on] + 1
        if not found:
            return np.empty((3, 0), dtype=np.int64)
        matches = np.concatenate(found, axis=1)
        before = spans.letters()
        fits = (matches[1] - matches[0] >= least) & (
            before[matches[1]] - before[matches[0]] >= letters
        )
        matches = matches[:, fits]
        matches = matches[:, np.lexsort((-matches[1], matches[0]))]
        matches[:2] += offset
        return matches

    def _probe(self, hashes: Hashes) -> npt.NDArray[np.int32]:
        """Return what the table says of each hash: a slot's value, or `_ABSENT`."""
        names = np.full(len(hashes), _ABSENT, dtype=np.int32)
        bucket = (hashes >> self._shift).astype(np.int64)
        at, stop = self._of["bucket_start"][bucket], self._of["bucket_start"][bucket + 1]
        left = np.flatnonzero(at < stop)
        at, stop, hashes = at[left], stop[left], hashes[left]
        while len(left):
            same = self._of["slot_hash"][at] == hashes
            names[left[same]] = self._of["slot_name"][at[same]]
            at = at + 1
            on = np.flatnonzero(~same & (at < stop))
            left, at, stop, hashes = left[on], at[on], stop[on], hashes[on]
        return names

    def form(self, surface: str) -> int | None:
        """Return the number of the form a surface has, if there may be such a name."""
        name = int(self._probe(np.array([hash_of(self._normal(surface))], dtype=np.uint64))[0])
        return name >> 1 if name >= 0 else None

    def record(self, surface: str, form: int) -> int | None:
        """Return the number of the name that a surface is, its characters compared, or None.

        An acronym as it stands comes before a name in any case.
        """
        start, stop = self._of["form_start"][form : form + 2].tolist()
        for record in range(stop - 1, start - 1, -1):
            wanted = plain(surface) if self._of["exact"][record] else self._normal(surface)
            if self._text(record) == wanted:
                return record
        return None

    def candidates(self, record: int) -> list[tuple[int, float]]:
        """Return (entity number, prior) of each entity of a name, in the knowledge base's order."""
        start, stop = self._of["candidate_start"][record : record + 2].tolist()
        entities = self._of["candidate_entity"][start:stop].tolist()
        return list(zip(entities, self._of["candidate_prior"][start:stop].tolist(), strict=True))

    def entity(self, number: int) -> str:
        """Return the id of an entity; smaller numbers have smaller ids."""
        return bytes(self._of["entities"][number]).decode()

    def ambiguous(self) -> npt.NDArray[np.bool_]:
        """Return of each name whether it has several entities."""
        several: npt.NDArray[np.bool_] = np.diff(self._of["candidate_start"]) > 1
        return several

    def ambiguous_entities(self) -> Iterator[str]:
        """Yield, sorted, the ids of the entities that share a name with another."""
        shared = np.repeat(self.ambiguous(), np.diff(self._of["candidate_start"]))
        for number in np.unique(self._of["candidate_entity"][shared]).tolist():
            yield self.entity(number)

    def short(self, least: int, letters: int, skip_ambiguous: bool) -> int:
        """Return how many forms are too short to be found in running text."""
        usable = ~self.ambiguous() if skip_ambiguous else np.ones(self.total, dtype=bool)
        short = (self._of["length"] < least) | (self._of["letters"] < letters)
        forms = np.repeat(
            np.arange(len(self._of["form_start"]) - 1), np.diff(self._of["form_start"])
        )
        return len(np.unique(forms[usable & short]))

    def _text(self, record: int) -> str:
        start, stop = self._of["text_start"][record : record + 2].tolist()
        return self._texts[start:stop].tobytes().decode()
