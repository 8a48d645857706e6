"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the WordNet reader."""
    return [
        Component(
            kind="kb",
            name="wordnet",
            target="kp_plugin_wordnet.provider:WordNetProvider",
            config="kp_plugin_wordnet.config:WordNetConfig",
            summary="The synsets of WordNet 3.x: lemmas, glosses and pointers.",
            reference="Fellbaum (ed.), WordNet, MIT Press 1998",
        )
    ]
