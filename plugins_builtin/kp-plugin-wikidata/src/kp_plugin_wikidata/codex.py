"""CoDEx's files as a knowledge base."""

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kp_plugin_wikidata.labels import distinct
from kp_plugin_wikidata.lines import Lines
from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple


class CodexProvider(KBProvider):
    """Reads CoDEx, whose largest size has 77,951 entities: labels and types are held in memory."""

    @cached_property
    def _lines(self) -> Lines:
        return Lines(skip=self.config.on_bad_line == "skip")

    def entities(self) -> Iterator[Entity]:
        """Yield the entities of the triples in the order in which they come."""
        entities = self._json(self.config.entities)
        types, labels = self._json(self.config.types), self._json(self.config.type_labels)
        ends = (end for triple in self._rows() for end in (triple[0], triple[2]))
        for own in dict.fromkeys(ends):
            known = entities.get(own, {})
            kinds = [self._label(labels, kind, kind) for kind in types.get(own, ())]
            yield Entity(
                own,
                self._label(entities, own, ""),
                types=tuple(dict.fromkeys(kinds)),
                description=known.get("description") or "",
            )

    def triples(self) -> Iterator[Triple]:
        """Yield the triples of every file, in order."""
        relations = self._json(self.config.relations)
        names = distinct({own: self._label(relations, own, own) for own in relations})
        for head, relation, tail in self._rows():
            yield Triple(head, names.get(relation, relation), tail)

    def metadata(self) -> Mapping[str, str]:
        """Return release, licence and source, and the lines left out."""
        return {
            "release": self.config.release,
            "licence": "MIT (CoDEx); CC0-1.0 (Wikidata)",
            "source": ", ".join(Path(path).name for path in self.config.triples),
            **self._lines.counts(),
        }

    def _rows(self) -> Iterator[tuple[str, str, str]]:
        for path in self.config.triples:
            yield from self._lines.triples(Path(path))

    @staticmethod
    def _label(labels: Mapping[str, Any], own: str, otherwise: str) -> str:
        return labels.get(own, {}).get("label") or otherwise

    @staticmethod
    def _json(path: str | None) -> Mapping[str, Any]:
        """Return a JSON table; each value is a list, or an object whose label is a text."""
        if path is None:
            return {}
        text = "\n".join(line for _, line in Lines().read(Path(path)))
        try:
            table = json.loads(text)
        except ValueError as error:
            raise KpError("KP490", f"not JSON: {error}", "fetch the file again", path) from error
        if not isinstance(table, dict) or not all(map(_is_known, table.values())):
            raise KpError(
                "KP490",
                "not a JSON object of ids to objects with a label, or to lists of types",
                "give the file as CoDEx has it",
                path,
            )
        return table


def _is_known(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(kind, str) for kind in value)
    if not isinstance(value, dict):
        return False
    return all(isinstance(value.get(key) or "", str) for key in ("label", "description"))
