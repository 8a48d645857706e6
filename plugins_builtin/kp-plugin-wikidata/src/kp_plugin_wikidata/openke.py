"""Folders in OpenKE's format as a knowledge base."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kp_plugin_wikidata.lines import Lines, malformed
from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple

_ENTITIES, _RELATIONS = "entity2id.txt", "relation2id.txt"
_BATCH = 65_536
_AGAIN = "export the folder again, or correct the count in the first line"


class OpenKEProvider(KBProvider):
    """Reads names by number, and triples as head, tail, relation.

    The order of the columns is that of OpenKE's README: "the triples are in the format (e1, e2,
    rel)".
    """

    def entities(self) -> Iterator[Entity]:
        """Yield every entity of ``entity2id.txt``; its name there is its id."""
        for start in range(0, len(self._entities), _BATCH):
            yield from map(Entity, self._entities.slice(start, _BATCH).to_pylist())

    def triples(self) -> Iterator[Triple]:
        """Yield the triples of the splits, in order."""
        for split in self.config.splits:
            path = self._file(f"{split}2id.txt")
            rows = self._counted(path)
            while batch := list(islice(rows, _BATCH)):
                numbers = np.array([self._numbers(path, *row) for row in batch], dtype=np.int64)
                heads, tails = (
                    self._entities.take(numbers[:, axis]).to_pylist() for axis in (0, 1)
                )
                relations = self._relations.take(numbers[:, 2]).to_pylist()
                yield from map(Triple, heads, relations, tails)

    def files(self) -> Sequence[Path]:
        """Return the files that are read."""
        splits = (f"{split}2id.txt" for split in self.config.splits)
        return [self._file(name) for name in (_ENTITIES, _RELATIONS, *splits)]

    def metadata(self) -> Mapping[str, str]:
        """Return what the options say."""
        return {
            "release": self.config.release,
            "licence": self.config.licence,
            "source": Path(self.config.folder).name,
        }

    @cached_property
    def _entities(self) -> pa.Array:
        return self._names(_ENTITIES)

    @cached_property
    def _relations(self) -> pa.Array:
        return self._names(_RELATIONS)

    def _file(self, name: str) -> Path:
        path = Path(self.config.folder) / name
        if not path.is_file():
            raise KpError("KP492", f"no {name} in the folder", "give OpenKE's folder", str(path))
        return path

    def _names(self, name: str) -> pa.Array:
        """Return names by number: the numbers are 0, 1, … in any order, names distinct."""
        path = self._file(name)
        numbers, chunks, pending = array("q"), list[pa.Array](), list[str]()
        for line, text in self._counted(path):
            own, _, number = text.rstrip().rpartition("\t" if "\t" in text else " ")
            if not own.strip() or (row := _number(number)) is None:
                raise malformed(path, line, f"not a name and a number: {text[:60]!r}")
            pending.append(own.strip())
            numbers.append(row)
            if len(pending) == _BATCH:
                chunks.append(pa.array(pending, pa.string()))
                pending = []
        chunks.append(pa.array(pending, pa.string()))
        order = np.argsort(np.frombuffer(numbers, dtype=np.int64) if numbers else np.empty(0, int))
        if not np.array_equal(np.array(numbers, dtype=np.int64)[order], np.arange(len(numbers))):
            raise KpError(
                "KP492",
                f"the numbers are not 0 to {len(numbers) - 1}, each once",
                "number the names anew",
                str(path),
            )
        names = pa.concat_arrays(chunks).take(pa.array(order))
        if len(pc.unique(names)) != len(names):
            counts = pc.value_counts(names)
            twice = counts.field(0)[pc.index(pc.greater(counts.field(1), 1), True).as_py()]
            raise KpError(
                "KP492", f"the name {twice.as_py()!r} comes twice", "name each its own", str(path)
            )
        return names

    def _counted(self, path: Path) -> Iterator[tuple[int, str]]:
        """Yield (line number, line) behind the count in the first line, which has to hold."""
        lines = Lines().read(path)
        _, first = next(lines, (1, ""))
        if (said := _number(first.strip())) is None:
            raise KpError(
                "KP492", f"the first line is no count: {first[:60]!r}", _AGAIN, f"{path}:1"
            )
        found = 0
        for number, line in lines:
            if line.strip():
                found += 1
                yield number, line
        if found != said:
            raise KpError(
                "KP492", f"the first line says {said} lines, but {found} follow", _AGAIN, str(path)
            )

    def _numbers(self, path: Path, line: int, text: str) -> tuple[int, int, int]:
        parts = text.split()
        numbers = [number for part in parts if (number := _number(part)) is not None]
        if len(numbers) != 3 or len(parts) != 3:
            raise malformed(
                path, line, f"not the numbers of head, tail and relation: {text[:60]!r}"
            )
        head, tail, relation = numbers
        if max(head, tail) >= len(self._entities) or relation >= len(self._relations):
            raise malformed(
                path,
                line,
                f"{text.strip()!r}: there are {len(self._entities)} entities and "
                f"{len(self._relations)} relations, and the columns are head, tail, relation",
            )
        return head, tail, relation


def _number(text: str) -> int | None:
    """Return a number of at most 18 digits, which eight bytes hold."""
    return int(text) if text.isdecimal() and len(text) <= 18 else None
