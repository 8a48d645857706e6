"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the Metathesaurus reader."""
    return [
        Component(
            kind="kb",
            name="umls",
            target="kp_plugin_umls.provider:UmlsProvider",
            config="kp_plugin_umls.config:UmlsConfig",
            summary="The UMLS Metathesaurus, or a subset of it, from a folder of RRF files.",
        )
    ]
