"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the RDF reader."""
    return [
        Component(
            kind="kb",
            name="rdf",
            target="kp_plugin_rdf.provider:RdfProvider",
            config="kp_plugin_rdf.config:RdfConfig",
            summary="RDF files, streamed: N-Triples, N-Quads, Turtle, TriG, RDF/XML.",
        )
    ]
