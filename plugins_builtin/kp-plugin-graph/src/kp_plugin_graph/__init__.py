"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the reader of graphs."""
    return [
        Component(
            kind="kb",
            name="graph",
            target="kp_plugin_graph.provider:GraphProvider",
            config="kp_plugin_graph.config:GraphConfig",
            summary="A graph that networkx reads: GraphML, GEXF, node-link JSON, an edge list.",
        )
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    edges = 'Paris France {"relation": "capital of"}\nLyon France {"relation": "city in"}\n'
    (folder / "towns.edgelist").write_text(edges, encoding="utf-8")
    return {
        "kb/graph": [
            {"path": "towns.edgelist"},
            {"path": "towns.edgelist", "undirected": "as-written"},
        ]
    }
