"""The Wikidata JSON dump as a knowledge base."""

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kp_plugin_wikidata.labels import distinct
from kp_plugin_wikidata.lines import Lines
from kp_plugin_wikidata.spool import Spool
from kp_plugin_wikidata.statements import INSTANCE_OF, Record, entity, named, statements
from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple

_PROGRESS = 1_000


def _parser() -> Callable[[str], Any]:
    try:
        import orjson
    except ImportError:
        return json.loads
    parse: Callable[[str], Any] = orjson.loads
    return parse


class DumpProvider(KBProvider):
    """Reads a dump once, whichever is asked for first; what is kept waits on disk.

    In memory are one line, one bit for each item number, and the labels of properties.
    """

    @cached_property
    def _lines(self) -> Lines:
        return Lines(skip=self.config.on_bad_line == "skip")

    @cached_property
    def _spool(self) -> Spool:
        """What the dump holds of what is asked for.

        Raises:
            KpError: KP490 a line is malformed, KP491 the file cannot be read to its end, KP493 a
                property or class that is asked for is not there.
        """
        spool = Spool(self.context.scratch)
        seen: set[str] = set()
        with spool.writing(), self.context.progress("read the dump", None) as advance:
            for number, record in self._records():
                try:
                    self._take(record, spool, seen)
                except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
                    said = error if isinstance(error, ValueError) else repr(error)
                    what = f"{record['id']} is not as the dump's format says: {said}"
                    self._lines.bad(Path(self.config.path), number, what)
                if number % _PROGRESS == 0:
                    advance(_PROGRESS)
        self._check(seen)
        return spool

    def _records(self) -> Iterator[tuple[int, Record]]:
        parse, path = _parser(), Path(self.config.path)
        begun = ended = False
        for number, line in self._lines.read(path):
            text = line.strip().rstrip(",")
            if text in {"[", "]", ""}:
                begun, ended = begun or text == "[", ended or text == "]"
                continue
            try:
                record = parse(text)
            except (ValueError, RecursionError) as error:
                self._lines.bad(path, number, f"not JSON: {error}")
                continue
            if not isinstance(record, dict) or not isinstance(record.get("id"), str):
                self._lines.bad(path, number, f"no entity with an id: {text[:60]}")
                continue
            yield number, record
        if begun and not ended:
            raise KpError(
                "KP491",
                "the list that [ begins is not ended by ]",
                "fetch the file again; a truncated one is not read in part",
                str(path),
            )

    def _take(self, record: Record, spool: Spool, seen: set[str]) -> None:
        config = self.config
        if record["type"] == "property":
            labels = named(record, "labels", config.languages)
            spool.properties[record["id"]] = labels[0] if labels else record["id"]
            return
        if record["type"] != "item":
            spool.counts["records_of_other_kinds"] += 1
            return
        values = list(statements(record, config.ranks == "best"))
        classes = [v for p, kind, v in values if p == INSTANCE_OF and kind == "item"]
        if config.types is not None and not (chosen := set(config.types) & set(classes)):
            spool.counts["items_of_other_types"] += 1
            return
        found = [f"{config.xrefs[p]}:{v}" for p, kind, v in values if p in config.xrefs]
        made = entity(record, classes, found, config)
        if config.labelled_only and not made.name:
            spool.counts["items_without_label"] += 1
            return
        triples = [(p, value) for p, kind, value in values if kind == "item" and self._is_read(p)]
        # Nothing of an item is kept before all of it is understood.
        spool.add(made, triples)
        seen.update(p for p, _ in triples)
        if config.types is not None:
            seen.update(chosen)

    def _is_read(self, property_: str) -> bool:
        wanted = self.config.properties
        return (wanted is None or property_ in wanted) and (
            property_ not in self.config.without_properties
        )

    def _check(self, seen: set[str]) -> None:
        lacking = {*(self.config.properties or ()), *(self.config.types or ())} - seen
        lacking -= set(self.config.without_properties)
        if lacking:
            raise KpError(
                "KP493",
                f"no statement or item of {', '.join(sorted(lacking))} among what is read",
                "correct 'properties' or 'types'",
                self.config.path,
            )

    def entities(self) -> Iterator[Entity]:
        """Yield the items in the order of the dump."""
        return self._spool.entities()

    def triples(self) -> Iterator[Triple]:
        """Yield the statements between items."""
        spool = self._spool
        names = distinct(spool.properties) if self.config.relations == "label" else {}
        for head, relation, tail in spool.triples(every=self.config.tails == "any"):
            yield Triple(head, names.get(relation, relation), tail)

    def metadata(self) -> Mapping[str, str]:
        """Return release, licence and source; after reading also what was left out."""
        facts = {
            "release": self.config.release,
            "licence": "CC0-1.0",
            "source": f"Wikidata, {Path(self.config.path).name}",
        }
        if "_spool" in vars(self):
            counts = self._spool.counts.items()
            facts |= {key: str(count) for key, count in counts} | self._lines.counts()
        return facts
