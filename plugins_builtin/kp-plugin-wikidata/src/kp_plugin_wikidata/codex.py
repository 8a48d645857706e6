"""CoDEx's files as a knowledge base."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kp_plugin_wikidata.labels import distinct
from kp_plugin_wikidata.lines import Lines
from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple, read_json


class CodexProvider(KBProvider):
    """Reads CoDEx, whose largest size has 77,951 entities: labels and types are held in memory."""

    @cached_property
    def _lines(self) -> Lines:
        return Lines(skip=self.config.on_bad_line == "skip")

    def entities(self) -> Iterator[Entity]:
        """Yield the entities of the triples in the order in which they come."""
        entities = _json(self.config.entities, _is_labelled)
        types = _json(self.config.types, _is_types)
        labels = _json(self.config.type_labels, _is_labelled)
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
        relations = _json(self.config.relations, _is_labelled)
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


def _json(path: str | None, is_known: Callable[[Any], bool]) -> Mapping[str, Any]:
    """Return a JSON table whose values are all known."""
    if path is None:
        return {}
    table = read_json(path, "KP490")
    if not isinstance(table, dict):
        raise _malformed(path, "no JSON object of ids")
    for own, value in table.items():
        if not is_known(value):
            raise _malformed(path, f"{own!r} has no object with a label, or no list of types")
    return table


def _malformed(path: str, what: str) -> KpError:
    return KpError("KP490", what, "give the file as CoDEx has it", path)


def _is_types(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_labelled(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    return all(_is_text(value.get(key) or "") for key in ("label", "description"))


def _is_text(value: Any) -> bool:
    # JSON can say half of a surrogate pair, which UTF-8 cannot.
    return isinstance(value, str) and value == value.encode(errors="ignore").decode()
