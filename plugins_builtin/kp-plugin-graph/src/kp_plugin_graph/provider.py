"""Entities from nodes, triples from edges."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from kp_plugin_graph.config import NODE_OPTIONS
from kp_plugin_graph.files import read_graph
from kpframework import KpError
from kpframework.api import Context, Entity, KBProvider, Triple


class GraphProvider(KBProvider):
    """Holds the graph in memory."""

    def __init__(self, config: Any, context: Context) -> None:
        super().__init__(config, context)
        self._counts: Counter[str] = Counter()

    @cached_property
    def _graph(self) -> Any:
        graph = read_graph(Path(self.config.path), self.config.layout, self.config.delimiter)
        nodes = Counter(str(node) for node in graph)
        if twice := next((node for node, count in nodes.items() if count > 1), None):
            raise KpError(
                "KP437",
                f"two nodes are called {twice!r}, once as a number",
                "give each node its own id",
                self.config.path,
            )
        self._check("node", NODE_OPTIONS, (data for _, data in graph.nodes(data=True)))
        edges = graph.edges(data=True)
        self._check("edge", ("relation",), (data for *_, data in edges), {"key"})
        return graph

    def entities(self) -> Iterator[Entity]:
        """Yield the nodes, in the order of the file."""
        config = self.config
        for node, data in self._graph.nodes(data=True):
            names = [_first(data, config.name), *self._values(data, config.aliases)]
            name, *aliases = dict.fromkeys(filter(None, names)) or ("",)
            yield Entity(
                str(node),
                name,
                tuple(aliases),
                types=tuple(dict.fromkeys(self._values(data, config.types))),
                description=_first(data, config.description),
                xrefs=tuple(dict.fromkeys(self._values(data, config.xrefs))),
            )

    def triples(self) -> Iterator[Triple]:
        """Yield the edges, those of an undirected graph each way."""
        graph = self._graph
        self._counts.clear()
        both = not graph.is_directed() and self.config.undirected == "both"
        for edge in graph.edges(data=True, **({"keys": True} if graph.is_multigraph() else {})):
            head, tail, *key, data = edge
            keyed = data if not key or "key" in data else {**data, "key": key[0]}
            relation = _first(keyed, self.config.relation)
            self._counts["edges_without_relation"] += not relation
            relation = relation or self.config.default_relation
            yield Triple(str(head), relation, str(tail))
            if both and head != tail:
                yield Triple(str(tail), relation, str(head))

    def metadata(self) -> Mapping[str, str]:
        """Return what the options say; after reading also how many edges have no relation."""
        return {
            "release": self.config.release,
            "licence": self.config.licence,
            "source": Path(self.config.path).name,
            **{key: str(count) for key, count in self._counts.items() if count},
        }

    def _values(self, data: Mapping[str, Any], attributes: Iterable[str]) -> list[str]:
        """Return every value of these attributes; a text may hold several."""
        found = []
        for attribute in attributes:
            value = data.get(attribute)
            parts = value if isinstance(value, list | tuple) else [value]
            for part in parts:
                if isinstance(part, str):
                    found += filter(None, map(str.strip, part.split(self.config.separator)))
                elif part is not None:
                    found.append(str(part))
        return found

    def _check(
        self,
        what: str,
        options: Iterable[str],
        records: Iterable[Mapping[str, Any]],
        besides: Iterable[str] = (),
    ) -> None:
        """Refuse an attribute that an option names and nothing has."""
        named = {
            attribute
            for option in options
            if option in self.config.model_fields_set
            for attribute in getattr(self.config, option)
        }
        if not named:
            return
        there = {key for data in records for key in data}
        if lacking := sorted(named - there - {*besides}):
            raise KpError(
                "KP439",
                f"no {what} has the attribute {', '.join(lacking)}",
                f"choose from: {', '.join(sorted(there)) or 'none is there'}",
                self.config.path,
            )


def _first(data: Mapping[str, Any], attributes: Iterable[str]) -> str:
    """Return the first of these attributes that is there, as a text."""
    for attribute in attributes:
        value = data.get(attribute)
        if isinstance(value, list | tuple):
            value = next(iter(value), None)
        if value is not None and (text := str(value).strip()):
            return text
    return ""
