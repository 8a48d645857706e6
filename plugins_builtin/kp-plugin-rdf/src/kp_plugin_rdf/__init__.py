"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    lines = (
        '<http://example.org/a> <http://www.w3.org/2000/01/rdf-schema#label> "Paris"@en .',
        '<http://example.org/b> <http://www.w3.org/2000/01/rdf-schema#label> "France"@en .',
        "<http://example.org/a> <http://example.org/capitalOf> <http://example.org/b> .",
    )
    (folder / "towns.nt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return {"kb/rdf": {"paths": ["towns.nt"]}}
