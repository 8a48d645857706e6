"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

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
