"""A knowledge base whose entities have further cross-references."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from kp_plugin_crosswalk.sssom import NOTHING, read_mappings
from kpframework import KpError
from kpframework.api import Context, Entity, KBProvider, Triple


class CrosswalkProvider(KBProvider):
    """Joins the mappings, held in memory, with the entities as they stream by."""

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts: Counter[str] = Counter()
        self._facts: dict[str, str] = {}

    @cached_property
    def _inner(self) -> KBProvider:
        provider: KBProvider = self.context.create("kb", self.config.kb)
        return provider

    @cached_property
    def _table(self) -> Mapping[str, Sequence[str]]:
        """The other side's ids by an id of the knowledge base."""
        counts: Counter[str] = Counter()
        table: dict[str, dict[str, None]] = {}
        for name in self.config.mappings:
            for mapping in read_mappings(Path(name), self._bad(counts), self._facts):
                if mapping.negated:
                    counts["negated"] += 1
                elif NOTHING in (mapping.subject, mapping.object):
                    counts["no_term_found"] += 1
                elif mapping.predicate not in self.config.predicates:
                    counts["other_predicates"] += 1
                else:
                    ends = self._written(mapping.subject), self._written(mapping.object)
                    own, other = ends if self.config.kb_side == "subject" else reversed(ends)
                    counts["mappings"] += 1
                    table.setdefault(own, {})[other] = None
        self._counts.update(counts)
        return {own: tuple(others) for own, others in table.items()}

    def _bad(self, counts: Counter[str]) -> Any:
        def bad(path: Path, line: int, what: str) -> None:
            if self.config.on_bad_line == "error":
                fix = 'correct the file, or set "on_bad_line": "skip"'
                raise KpError("KP445", what, fix, f"{path}:{line}")
            counts["malformed_lines"] += 1

        return bad

    def _written(self, curie: str) -> str:
        prefix, colon, rest = curie.partition(":")
        if not colon or prefix not in self.config.prefixes:
            return curie
        own = self.config.prefixes[prefix]
        return f"{own}:{rest}" if own else rest

    def _others(self, entity: Entity) -> list[str]:
        """Return the ids that the mappings give an entity and it does not have."""
        found = (other for own in (entity.id, *entity.xrefs) for other in self._table.get(own, ()))
        return [other for other in dict.fromkeys(found) if other not in (entity.id, *entity.xrefs)]

    @cached_property
    def _ambiguous(self) -> set[str]:
        """The ids that lead to several entities; counts what the mappings are worth here."""
        first: dict[str, str] = {}
        several: set[str] = set()
        reached: set[str] = set()
        targets = {other for others in self._table.values() for other in others}
        for entity in self._inner.entities():
            names = (entity.id, *entity.xrefs)
            reached.update(own for own in names if own in self._table)
            # An id that another entity has already is as ambiguous as one that two are given.
            for other in (*self._others(entity), *targets.intersection(names)):
                if first.setdefault(other, entity.id) != entity.id:
                    several.add(other)
        self._counts["unknown_ids"] = len(self._table) - len(reached)
        self._counts["ambiguous_ids"] = len(several)
        if not reached:
            side = self.config.kb_side
            example = next(iter(self._table), "none")
            raise KpError(
                "KP447",
                f"the knowledge base has none of the {len(self._table)} ids on the {side} side, "
                f"such as {example}",
                "set 'kb_side' to the other side, or 'prefixes' to how the knowledge base writes "
                "them, or 'predicates' to those of the file",
                self.config.mappings[0],
            )
        return several

    def entities(self) -> Iterator[Entity]:
        """Yield the entities with their further cross-references behind their own."""
        skipped = self._ambiguous if self.config.several == "skip" else set[str]()
        _ = self._ambiguous  # counted, and refused where nothing is reached, in either case
        ids = entities = 0
        for entity in self._inner.entities():
            more = [other for other in self._others(entity) if other not in skipped]
            ids += len(more)
            entities += bool(more)
            yield replace(entity, xrefs=(*entity.xrefs, *more)) if more else entity
        self._counts["ids"], self._counts["entities"] = ids, entities

    def triples(self) -> Iterator[Triple]:
        """Yield the knowledge base's triples."""
        return self._inner.triples()

    def files(self) -> Sequence[Path]:
        """Return the knowledge base's files."""
        return self._inner.files()

    def metadata(self) -> Mapping[str, str]:
        """Return the knowledge base's, and of the crosswalk source, licence and counts."""
        facts = {
            "source": ", ".join(Path(name).name for name in self.config.mappings),
            "licence": self._facts.get("license", ""),
            "release": self._facts.get("mapping_set_version", ""),
            **{key: str(count) for key, count in sorted(self._counts.items())},
        }
        own = {f"crosswalk_{key}": text for key, text in facts.items() if text}
        inner = dict(self._inner.metadata())
        # Of two crosswalks in each other the inner one keeps its own.
        return {**{_free(key, inner): text for key, text in own.items()}, **inner}


def _free(key: str, taken: Mapping[str, str]) -> str:
    while key in taken:
        key = f"outer_{key}"
    return key
