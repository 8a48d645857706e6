"""Wikidata5M's text files as a knowledge base."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from kp_plugin_wikidata.labels import distinct
from kp_plugin_wikidata.lines import Lines
from kpframework.api import Entity, KBProvider, Triple, by_key

_BATCH = 4_096
_NAMES, _TEXT = "n", "t"
Field = tuple[str, str, str]
"""An id, what the line is, and what stands behind the id."""


class Wikidata5mProvider(KBProvider):
    """Reads triples, and joins names and texts of entities on disk."""

    @cached_property
    def _lines(self) -> Lines:
        return Lines(skip=self.config.on_bad_line == "skip")

    @cached_property
    def _counts(self) -> Counter[str]:
        """Lines beyond the first of an entity's text or a relation's names, which are not read."""
        return Counter()

    def entities(self) -> Iterator[Entity]:
        """Yield the entities that have a name or a text, sorted."""
        further = 0
        given = ((self.config.names, _NAMES), (self.config.text, _TEXT))
        fields = chain.from_iterable(self._fields(Path(p), kind) for p, kind in given if p)
        for own, rows in by_key(_batches(fields), self.context.scratch):
            names = [row[2].split("\t") for row in rows if row[1] == _NAMES]
            texts = list(dict.fromkeys(row[2] for row in rows if row[1] == _TEXT))
            further += max(len(texts) - 1, 0)
            known = list(dict.fromkeys(name for line in names for name in line if name))
            yield Entity(
                own,
                known[0] if known else "",
                tuple(known[1:]),
                description=texts[0] if texts else "",
            )
        self._counts["further_texts"] = further

    def triples(self) -> Iterator[Triple]:
        """Yield the triples of every file, in order."""
        names = self._relation_names
        for path in self.config.triples:
            for head, relation, tail in self._lines.triples(Path(path)):
                yield Triple(head, names.get(relation, relation), tail)

    @cached_property
    def _relation_names(self) -> dict[str, str]:
        if self.config.relation_names is None:
            return {}
        found: dict[str, str] = {}
        for own, _, names in self._fields(Path(self.config.relation_names), _NAMES):
            self._counts["further_relation_names"] += own in found
            found.setdefault(own, names.split("\t")[0])
        return distinct(found)

    def _fields(self, path: Path, kind: str) -> Iterator[Field]:
        for number, line in self._lines.read(path):
            own, tab, rest = line.partition("\t")
            if not own or not tab or not rest.strip():
                self._lines.bad(path, number, f"not an id, a tab and a text: {line[:60]!r}")
                continue
            yield own, kind, rest

    def metadata(self) -> Mapping[str, str]:
        """Return what the options say, and the lines left out."""
        return {
            "release": self.config.release,
            "licence": self.config.licence,
            "source": ", ".join(Path(path).name for path in self.config.triples),
            **{key: str(count) for key, count in self._counts.items() if count},
            **self._lines.counts(),
        }


def _batches(fields: Iterator[Field]) -> Iterator[pa.RecordBatch]:
    while rows := list(islice(fields, _BATCH)):
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        yield pa.record_batch(columns, names=["id", "kind", "rest"])
