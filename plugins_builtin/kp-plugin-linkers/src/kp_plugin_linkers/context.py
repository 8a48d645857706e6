"""Choosing an entity by the words around its mention.

Each entity that shares a name with another has a profile: the words of its names, its description,
and the names of its neighbours. A context is compared with it by the cosine of their TF-IDF vectors
with binary term frequencies (Salton and Buckley, Information Processing & Management 24(5), 1988;
words of a description as evidence for a sense: Lesk, SIGDOC 1986).
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt

from kp_plugin_linkers.characters import fold
from kpframework.api import EntityInfo, KnowledgeBase

FORMAT = 1
NEIGHBOURS = 64
"""Neighbours of an entity whose names enter its profile, at most: the first by integer id."""
_EVERY = 1000
"""Entities between two steps of a progress bar."""
_WORD = re.compile(r"\w+")
_ARRAYS = ("entities", "start", "words", "norms", "vocabulary", "weights")

Words = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]


def words(text: str) -> Words:
    """Return a 32-bit hash of each word of a text, case aside."""
    found = _WORD.findall(fold(text))
    return np.array([crc32(word.encode()) for word in found], dtype=np.uint32)


def write_profiles(
    kb: KnowledgeBase,
    entities: Iterable[str],
    folder: Path,
    advance: Callable[[int], None] = lambda entities: None,
) -> None:
    """Write the profiles of some entities, as `Profiles` maps them.

    In memory are the words of these entities, as 4-byte hashes, those of their neighbours' names,
    and the knowledge base's triples.

    Args:
        kb: the knowledge base; its entities are streamed once.
        entities: sorted ids.
        folder: where the files go.
        advance: told how many entities were streamed since it was told last.
    """
    ids = list(entities)
    rows = np.array([kb.row(entity) for entity in ids], dtype=np.int64)
    owner, neighbour = _neighbours(kb.triples, rows)
    named, named_words, own, own_words = _read(kb.entities(), rows, np.unique(neighbour), advance)
    # Words of the neighbours' names, joined to the entities they are neighbours of.
    low, high = (
        np.searchsorted(named, neighbour, "left"),
        np.searchsorted(named, neighbour, "right"),
    )
    counts = high - low
    at = np.arange(counts.sum()) + np.repeat(low - np.cumsum(counts) + counts, counts)
    owners = np.concatenate([own, np.repeat(owner, counts)])
    pairs = (owners.astype(np.uint64) << np.uint64(32)) | np.concatenate(
        [own_words, named_words[at]]
    )
    pairs = np.unique(pairs)
    owners, found = (pairs >> np.uint64(32)).astype(np.int64), pairs.astype(np.uint32)
    vocabulary, places, documents = np.unique(found, return_inverse=True, return_counts=True)
    weights = np.log((1 + len(ids)) / documents).astype(np.float32)
    squares = np.bincount(owners, weights[places].astype(np.float64) ** 2, minlength=len(ids))
    arrays = {
        "entities": np.array([entity.encode() for entity in ids] or [b""], dtype=np.bytes_),
        "start": np.searchsorted(owners, np.arange(len(ids) + 1)),
        "words": places.astype(np.int32),
        "norms": np.sqrt(squares).astype(np.float32),
        "vocabulary": vocabulary,
        "weights": weights,
    }
    for key, array in arrays.items():
        np.save(folder / f"{key}.npy", array, allow_pickle=False)


def _neighbours(triples: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """Return (position in ``rows``, neighbour's row) for both directions of the triples."""
    found = [np.empty((0, 2), dtype=np.int64)]
    for own, other in ((0, 2), (2, 0)) if len(rows) else ():
        at = np.minimum(np.searchsorted(rows, triples[:, own]), len(rows) - 1)
        kept = np.flatnonzero(rows[at] == triples[:, own])
        found.append(np.stack([at[kept], triples[kept, other]], axis=1))
    pairs = np.unique(np.concatenate(found), axis=0)
    place = np.arange(len(pairs)) - np.searchsorted(pairs[:, 0], pairs[:, 0])
    pairs = pairs[place < NEIGHBOURS]
    return pairs[:, 0], pairs[:, 1]


def _read(
    entities: Iterator[EntityInfo], rows: Ints, neighbours: Ints, advance: Callable[[int], None]
) -> tuple[Ints, Words, Ints, Words]:
    """Return the words of the neighbours' names and of the entities, each with whose they are."""
    position = {row: at for at, row in enumerate(rows.tolist())}
    wanted = set(neighbours.tolist())
    named: list[tuple[int, Words]] = []
    own: list[tuple[int, Words]] = []
    for row, entity in enumerate(entities):
        if row % _EVERY == _EVERY - 1:
            advance(_EVERY)
        if row in wanted:
            named.append((row, words(entity.name)))
        if row in position:
            text = " ".join((entity.name, *entity.aliases, entity.description))
            own.append((position[row], words(text)))
    return *_flat(named), *_flat(own)


def _flat(parts: Sequence[tuple[int, Words]]) -> tuple[Ints, Words]:
    whose = [np.full(len(found), at, dtype=np.int64) for at, found in parts]
    return (
        np.concatenate([np.empty(0, dtype=np.int64), *whose]),
        np.concatenate([np.empty(0, dtype=np.uint32), *(found for _, found in parts)]),
    )


class Profiles:
    """What `write_profiles` wrote, mapped."""

    def __init__(self, folder: Path) -> None:
        arrays = (
            np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False) for key in _ARRAYS
        )
        entities, self._start, self._words, self._norms, self._vocabulary, self._weights = (
            array.view(np.ndarray) for array in arrays
        )
        self._entities = entities

    def cosines(self, context: Words, entities: Sequence[str]) -> npt.NDArray[np.float64]:
        """Return the cosine of the words of a context and each entity's profile, 0 where none."""
        found = np.zeros(len(entities))
        if not len(self._vocabulary):
            return found
        context = np.unique(context)
        at = np.minimum(np.searchsorted(self._vocabulary, context), len(self._vocabulary) - 1)
        at = at[self._vocabulary[at] == context]
        weights = self._weights[at].astype(np.float64)
        norm = float(np.sqrt((weights**2).sum()))
        if not norm:
            return found
        ids = np.array([entity.encode() for entity in entities], dtype=np.bytes_)
        rows = np.minimum(np.searchsorted(self._entities, ids), len(self._entities) - 1)
        for place, row in enumerate(rows.tolist()):
            if self._entities[row] == ids[place] and self._norms[row]:
                own = self._words[self._start[row] : self._start[row + 1]]
                shared = np.isin(at, own, assume_unique=True)
                product = float((weights[shared] ** 2).sum())
                found[place] = product / (norm * float(self._norms[row]))
        return found


class ContextView:
    """The words of one text, to be looked at around a mention.

    Args:
        profiles: of the entities that share a name with another.
        text: as it stands.
        around: words taken on each side of a mention.
        weight: how much a similarity counts against the priors.
    """

    def __init__(self, profiles: Profiles, text: str, around: int, weight: float) -> None:
        self.weight = weight
        self._profiles = profiles
        self._around = around
        matches = list(_WORD.finditer(fold(text)))
        self._starts = [match.start() for match in matches]
        self._ends = [match.end() for match in matches]
        self._words = np.array([crc32(m[0].encode()) for m in matches], dtype=np.uint32)

    def similarities(
        self, entities: Sequence[str], start: int, end: int
    ) -> npt.NDArray[np.float64]:
        """Return how like each entity's profile the words around a span are; 0 to 1."""
        before, after = bisect_right(self._ends, start), bisect_left(self._starts, end)
        context = np.concatenate(
            [
                self._words[max(0, before - self._around) : before],
                self._words[after : after + self._around],
            ]
        )
        return self._profiles.cosines(context, entities)
