"""Entities and triples out of statements."""

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyoxigraph as ox

from kp_plugin_rdf.config import ROLES, format_of
from kp_plugin_rdf.files import malformed, statements
from kp_plugin_rdf.iris import Ids, Shortener
from kpframework import KpError
from kpframework.api import Context, Entity, KBProvider, Triple, by_key

_BATCH = 8_192
Fact = tuple[str, str, str, str]
"""Entity, role, rank (the smallest is the best), text."""


class RdfProvider(KBProvider):
    """Reads the files twice, for triples and for what is known of entities.

    The second is sorted on disk by entity, so memory holds a batch (and the names of the blank
    nodes of a file where they are kept).
    """

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts: Counter[str] = Counter()

    def entities(self) -> Iterator[Entity]:
        """Yield every subject of which something is known, sorted."""
        facts = (item for item in self._read() if isinstance(item, tuple))
        for own, rows in by_key(_batches(facts), self.context.scratch):
            yield _entity(own, rows)

    def triples(self) -> Iterator[Triple]:
        """Yield the statements between two nodes."""
        for item in self._read():
            if isinstance(item, Triple):
                yield item

    def metadata(self) -> Mapping[str, str]:
        """Return what the options say; after reading also what was left out, by reason."""
        return {
            "release": self.config.release,
            "licence": self.config.licence,
            "source": ", ".join(Path(path).name for path in self.config.paths),
            **{key: str(count) for key, count in sorted(self._counts.items())},
        }

    @cached_property
    def _shorten(self) -> Shortener:
        return Shortener(self.config.prefixes, self.config.obo_ids)

    @cached_property
    def _roles(self) -> dict[str, tuple[str, int]]:
        """What a predicate says, and how early its option names it."""
        return {
            self._shorten(predicate): (role, rank)
            for role in reversed(ROLES)
            for rank, predicate in enumerate(getattr(self.config, role))
        }

    def _read(self) -> Iterator[Triple | Fact]:
        """Yield everything of all files, and count what is left out."""
        counts: Counter[str] = Counter()
        seen: set[str] = set()
        ids = Ids(self._shorten)
        wanted = self._short(self.config.relations)
        unwanted = self._short(self.config.without_relations) or set()
        for name in self.config.paths:
            path = Path(name)
            ids.next_file()
            layout = self.config.format or format_of(name)
            bad = self._bad(path, counts)
            for quad in statements(path, layout, self.config.base, bad):
                if not self._is_read(quad, counts):
                    continue
                predicate = self._shorten(quad.predicate.value)
                seen.add(predicate)
                role, rank = self._roles.get(predicate, ("", 0))
                if isinstance(quad.object, ox.Literal):
                    yield from self._fact(ids, quad, role, rank, counts)
                    continue
                if role in ("types", "xrefs"):
                    yield ids.of(quad.subject), role, f"{rank:03}", ids.of(quad.object)
                if role != "xrefs" and (role != "types" or self.config.type_triples):
                    if predicate in unwanted or not (wanted is None or predicate in wanted):
                        counts["other_relations"] += 1
                    else:
                        yield Triple(ids.of(quad.subject), predicate, ids.of(quad.object))
        self._check(seen)
        self._counts = counts

    def _short(self, predicates: list[str] | None) -> set[str] | None:
        return None if predicates is None else set(map(self._shorten, predicates))

    def _bad(self, path: Path, counts: Counter[str]) -> Any:
        def bad(line: int, what: str) -> None:
            if self.config.on_bad_line == "error":
                fix = 'correct the file, or set "on_bad_line": "skip"'
                raise malformed(path, line, what, fix)
            counts[f"malformed_{path.name}"] += 1

        return bad

    def _is_read(self, quad: Any, counts: Counter[str]) -> bool:
        graph = getattr(quad, "graph_name", None)
        if self.config.graphs is not None:
            own = "" if graph is None or isinstance(graph, ox.DefaultGraph) else graph.value
            if own not in self.config.graphs and self._shorten(own) not in self.config.graphs:
                counts["other_graphs"] += 1
                return False
        ends = (quad.subject, quad.object)
        if any(isinstance(end, ox.Triple) for end in ends):
            counts["statements_about_statements"] += 1
            return False
        if self.config.blank_nodes == "skip" and any(isinstance(end, ox.BlankNode) for end in ends):
            counts["blank_nodes"] += 1
            return False
        return True

    def _fact(
        self, ids: Ids, quad: Any, role: str, rank: int, counts: Counter[str]
    ) -> Iterator[Fact]:
        literal = quad.object
        language = self._language(literal.language)
        text = " ".join(literal.value.split())
        if not role:
            counts["literals"] += 1
        elif language is None and role not in ("types", "xrefs"):
            counts["other_languages"] += 1
        elif not text:
            counts["empty_texts"] += 1
        else:
            yield ids.of(quad.subject), role, f"{language or 0:03}{rank:03}", text

    def _language(self, tag: str | None) -> int | None:
        """Return how early a language is named, or None where it is not read."""
        wanted = self.config.languages
        if wanted is None:
            return 0
        if not tag:
            return len(wanted)
        for rank, own in enumerate(wanted):
            if f"{tag.lower()}-".startswith(f"{own.lower()}-"):
                return rank
        return None

    def _check(self, seen: set[str]) -> None:
        """Refuse a predicate that an option names and no statement has."""
        given = self.config.model_fields_set & {*ROLES, "relations", "without_relations"}
        named = {
            self._shorten(own) for option in given for own in getattr(self.config, option) or ()
        }
        if lacking := sorted(named - seen):
            raise KpError(
                "KP436",
                f"no statement that is read has the predicate {', '.join(lacking)}",
                f"choose from: {', '.join(sorted(seen)[:40])}",
                str(self.config.paths[0]),
            )


def _entity(own: str, rows: list[tuple[str, ...]]) -> Entity:
    """Join what is known of an entity; equal ranks stay in the order of the files."""
    said: dict[str, dict[str, None]] = {role: {} for role in ROLES}
    for _, role, _, text in sorted(rows, key=lambda row: row[2]):
        said[role][text] = None
    names = [*said["names"], *(text for text in said["aliases"] if text not in said["names"])]
    return Entity(
        own,
        names[0] if names else "",
        tuple(names[1:]),
        types=tuple(said["types"]),
        description=next(iter(said["descriptions"]), ""),
        xrefs=tuple(said["xrefs"]),
    )


def _batches(facts: Iterator[Fact]) -> Iterator[pa.RecordBatch]:
    while rows := list(islice(facts, _BATCH)):
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        yield pa.record_batch(columns, names=["id", "role", "rank", "text"])
