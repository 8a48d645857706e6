"""Building the index of names: numbers in memory, texts on disk."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
import numpy.typing as npt

from kp_plugin_linkers.characters import fold, plain
from kp_plugin_linkers.spans import SEPARATOR, Hashes, Spans

ACRONYM = 6
"""Longest name, in characters, that 'smart' casing takes for an acronym."""
COUNTS = "counts.json"
_CHUNK = 1 << 16
_SHORT = np.iinfo(np.uint16).max

Casing = Literal["ignore", "keep", "smart"]
Column = npt.NDArray[np.int64]


def write_index(names: Iterable[tuple[str, str, float]], casing: Casing, folder: Path) -> None:
    """Write what `kp_plugin_linkers.name_index.NameIndex` maps.

    About 60 bytes a name and 8 bytes a distinct beginning of one are in memory; the texts of
    one chunk of names.

    Args:
        names: (name, entity id, prior), as `KnowledgeBase.names` yields them.
        casing: whether case counts: never, always, or for short names without a lower-case letter.
        folder: where the files go; exists.
    """
    with TemporaryDirectory(dir=folder, prefix=".texts-") as scratch:
        rows = _Rows(Path(scratch) / "texts")
        for chunk in _chunks(names):
            rows.add(chunk, casing)
        rows.write(folder)


def _chunks(names: Iterable[tuple[str, str, float]]) -> Iterator[list[tuple[str, str, float]]]:
    stream = iter(names)
    while chunk := list(islice(stream, _CHUNK)):
        yield chunk


class _Rows:
    """A row for each name of each entity, as they come."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._parts: dict[str, list[npt.NDArray[np.generic]]] = {
            key: [] for key in ("hash", "exact", "entity", "prior", "bytes", "length", "letters")
        }
        self._prefixes = np.empty(0, dtype=np.uint64)
        self._pending: list[Hashes] = []
        self._entities: list[bytes] = []
        self._last: str | None = None
        self._most_ends = 0

    def add(self, chunk: list[tuple[str, str, float]], casing: Casing) -> None:
        """Take names; those that are blank are none."""
        normal = plain if casing == "keep" else fold
        kept = [(plain(raw.strip()), entity, prior) for raw, entity, prior in chunk]
        kept = [row for row in kept if row[0]]
        if not kept:
            return
        exact = [casing == "smart" and _acronym(name) for name, _, _ in kept]
        forms = [normal(name) for name, _, _ in kept]
        pairs = zip(forms, kept, exact, strict=True)
        texts = [(row[0] if is_exact else form).encode() for form, row, is_exact in pairs]
        with self._path.open("ab") as file:
            file.write(b"".join(texts))
        lengths = np.array([len(form) for form in forms], dtype=np.int64)
        starts = np.concatenate([[0], np.cumsum(lengths + 1)[:-1]])
        spans = Spans(SEPARATOR.join(forms))
        letters = spans.letters()
        columns = {
            "hash": spans.hashes(starts, starts + lengths),
            "exact": np.array(exact, dtype=bool),
            "entity": np.array([self._entity(entity) for _, entity, _ in kept], dtype=np.int32),
            "prior": np.array([prior for _, _, prior in kept], dtype=np.float64),
            "bytes": np.array([len(text) for text in texts], dtype=np.int32),
            "length": np.minimum(lengths, _SHORT).astype(np.uint16),
            "letters": np.minimum(letters[starts + lengths] - letters[starts], _SHORT),
        }
        for key, column in columns.items():
            self._parts[key].append(column)
        self._add_prefixes(spans, starts, lengths)

    def _entity(self, entity: str) -> int:
        if entity != self._last:
            self._last = entity
            self._entities.append(entity.encode())
        return len(self._entities) - 1

    def _add_prefixes(self, spans: Spans, starts: Column, lengths: Column) -> None:
        ends = spans.ends()
        owner = np.searchsorted(starts, ends, side="left") - 1
        self._most_ends = max(self._most_ends, int(np.bincount(owner).max()))
        within = ends < starts[owner] + lengths[owner]
        self._pending.append(np.unique(spans.hashes(starts[owner[within]], ends[within])))
        # Merged only when as large as what is known, so that the work stays linear.
        if sum(map(len, self._pending)) > len(self._prefixes):
            self._merge()

    def _merge(self) -> None:
        self._prefixes, self._pending = (
            np.unique(np.concatenate([self._prefixes, *self._pending])),
            [],
        )

    def _column(self, key: str, dtype: type[np.generic]) -> npt.NDArray[np.generic]:
        parts = self._parts.pop(key)
        return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)

    def write(self, folder: Path) -> None:
        """Sort the rows and write the index."""
        self._merge()
        hashes, exact = self._column("hash", np.uint64), self._column("exact", np.bool_)
        order = np.lexsort((exact, hashes))
        hashes, exact = hashes[order], exact[order]
        sizes = self._column("bytes", np.int32)
        offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        data = (
            np.memmap(self._path, dtype=np.uint8, mode="r") if len(order) else np.empty(0, np.uint8)
        )
        new = np.ones(len(order), dtype=bool)
        new[1:] = (hashes[1:] != hashes[:-1]) | (exact[1:] != exact[:-1])
        names, entity = _ids(self._entities)
        entity = entity[self._column("entity", np.int32)]
        prior = self._column("prior", np.float64)
        keep = np.ones(len(order), dtype=bool)
        _merge_equal(new, keep, order, data, offsets, entity, prior)
        records = np.flatnonzero(new)
        first = order[records]
        candidates = order[keep]
        form = np.ones(len(records), dtype=bool)
        form[1:] = hashes[records][1:] != hashes[records][:-1]
        form_hashes = hashes[records][form]
        arrays = {
            "entities": names,
            "candidate_start": np.append(np.cumsum(keep)[records] - 1, keep.sum()).astype(
                np.int32
            ),
            "candidate_entity": entity[candidates],
            "candidate_prior": prior[candidates],
            "exact": exact[records],
            "length": self._column("length", np.uint16)[first],
            "letters": self._column("letters", np.int32)[first].astype(np.uint16),
            "form_start": np.append(np.flatnonzero(form), len(records)).astype(np.int32),
            "text_start": np.concatenate([[0], np.cumsum(sizes[first], dtype=np.int64)]),
            **_table(form_hashes, self._prefixes),
        }
        for key, array in arrays.items():
            np.save(folder / f"{key}.npy", array, allow_pickle=False)
        _write_texts(folder / "texts.bin", data, offsets, first)
        lengths = arrays["length"]
        counts = {
            "names": len(records),
            "longest": int(lengths.max()) if len(records) else 0,
            "most_ends": self._most_ends,
        }
        (folder / COUNTS).write_text(json.dumps(counts), encoding="utf-8")


def _acronym(name: str) -> bool:
    return len(name) <= ACRONYM and name.isupper()


def _ids(runs: list[bytes]) -> tuple[npt.NDArray[np.bytes_], npt.NDArray[np.int32]]:
    """Return the distinct ids, sorted, and the place of each of ``runs`` among them."""
    ids = np.array(runs, dtype=np.bytes_) if runs else np.empty(0, dtype="S1")
    if bool((ids[1:] > ids[:-1]).all()):
        return ids, np.arange(len(ids), dtype=np.int32)
    distinct, places = np.unique(ids, return_inverse=True)
    return distinct, places.astype(np.int32)


def _merge_equal(
    new: npt.NDArray[np.bool_],
    keep: npt.NDArray[np.bool_],
    order: Column,
    data: npt.NDArray[np.uint8],
    offsets: Column,
    entity: npt.NDArray[np.int32],
    prior: npt.NDArray[np.float64],
) -> None:
    """Make one candidate of an entity's equal names, with the highest prior.

    Rows of equal hashes are compared by their texts: where these differ, the rows are put in the
    order of their texts and become names of their own.
    """
    starts = np.flatnonzero(new)
    stops = np.append(starts[1:], len(new))
    several = stops - starts > 1
    for start, stop in zip(starts[several].tolist(), stops[several].tolist(), strict=True):
        texts = {int(row): _text(data, offsets, row) for row in order[start:stop]}
        rows = list(texts)
        if len(set(texts.values())) > 1:
            rows.sort(key=texts.__getitem__)
            order[start:stop] = rows
            for at in range(start + 1, stop):
                new[at] = texts[rows[at - start]] != texts[rows[at - start - 1]]
        seen: dict[int, int] = {}
        for at, row in enumerate(rows, start):
            if new[at]:
                seen = {}
            held = seen.setdefault(int(entity[row]), row)
            if held != row:
                keep[at] = False
                prior[held] = max(prior[held], prior[row])


def _text(data: npt.NDArray[np.uint8], offsets: Column, row: int) -> bytes:
    return data[offsets[row] : offsets[row + 1]].tobytes()


def _table(forms: Hashes, prefixes: Hashes) -> dict[str, npt.NDArray[np.generic]]:
    """Return the hash table of names and their beginnings.

    A slot holds the hash and twice the name's number, plus 1 where the name begins a longer one,
    or -1 for what is no name. The first bits of the hash choose the bucket.
    """
    known = np.searchsorted(prefixes, forms)
    more = np.zeros(len(forms), dtype=bool)
    inside = known < len(prefixes)
    more[inside] = prefixes[known[inside]] == forms[inside]
    only = np.ones(len(prefixes), dtype=bool)
    only[known[more]] = False
    hashes = np.concatenate([forms, prefixes[only]])
    values = np.full(len(hashes), -1, dtype=np.int32)
    values[: len(forms)] = 2 * np.arange(len(forms), dtype=np.int32) + more
    order = np.argsort(hashes, kind="stable")
    hashes, values = hashes[order], values[order]
    bits = max(1, (len(hashes) - 1).bit_length())
    bucket = hashes >> np.uint64(64 - bits)
    counts = np.bincount(bucket.astype(np.int64), minlength=1 << bits)
    return {
        "bucket_start": np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        "slot_hash": hashes,
        "slot_name": values,
    }


def _write_texts(path: Path, data: npt.NDArray[np.uint8], offsets: Column, rows: Column) -> None:
    """Write the texts of some rows one after the other."""
    with path.open("wb") as file:
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            sizes = offsets[part + 1] - offsets[part]
            ends = np.cumsum(sizes)
            at = np.arange(ends[-1]) + np.repeat(offsets[part] - ends + sizes, sizes)
            file.write(data[at].tobytes())
