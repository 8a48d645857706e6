"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    from kp_plugin_triples.samples import write

    return write(folder)
