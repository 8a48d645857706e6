"""Entities from labels and aliases, triples from tables."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from kp_plugin_triples.labels import read_aliases, read_labels
from kp_plugin_triples.layout import Layout
from kp_plugin_triples.tables import rows_of
from kpframework.api import Entity, KBProvider, Triple


class TriplesProvider(KBProvider):
    """Reads files of triples; an entity without a label is one without a name.

    A further label of an entity is an alias.
    """

    skipped: int = 0
    """Malformed lines left out by the last pass over the triples."""

    def entities(self) -> Iterator[Entity]:
        """Yield the entities that have a label or an alias, in the order of the files."""
        config = self.config
        entities: dict[str, Entity] = {}
        if config.labels:
            for entity in read_labels(Path(config.labels), config.labels_id):
                known = entities.setdefault(entity.id, entity)
                if known is not entity:
                    aliases = (*known.aliases, entity.name, *entity.aliases)
                    description = known.description or entity.description
                    entities[entity.id] = replace(known, aliases=aliases, description=description)
        more: dict[str, tuple[str, ...]] = {}
        if config.aliases:
            for id_, aliases in read_aliases(Path(config.aliases)):
                more[id_] = (*more.get(id_, ()), *aliases)
        for id_, entity in entities.items():
            aliases = (*entity.aliases, *more.pop(id_, ()))
            yield Entity(id_, entity.name, aliases, description=entity.description)
        for id_, aliases in more.items():
            yield Entity(id_, aliases[0], aliases[1:])

    def triples(self) -> Iterator[Triple]:
        """Yield the triples of every file, in order."""
        self.skipped = 0
        for text in self.config.paths:
            layout = Layout.of(Path(text), self.config)
            for head, relation, tail in rows_of(layout, self._skip):
                yield Triple(head, relation, tail)

    def _skip(self, lines: int) -> None:
        self.skipped += lines

    def metadata(self) -> Mapping[str, str]:
        """Return what the options say, and the lines left out."""
        return {
            "release": self.config.release,
            "licence": self.config.licence,
            "source": ", ".join(Path(text).name for text in self.config.paths),
            "skipped_lines": str(self.skipped),
        }
