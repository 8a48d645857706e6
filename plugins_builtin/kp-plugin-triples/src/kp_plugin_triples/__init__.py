"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the triple reader."""
    return [
        Component(
            kind="kb",
            name="triples",
            target="kp_plugin_triples.provider:TriplesProvider",
            config="kp_plugin_triples.config:TriplesConfig",
            summary="Triples from TSV, CSV or Parquet files, with optional labels and aliases.",
        )
    ]
