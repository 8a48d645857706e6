"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    from kp_plugin_wordnet.samples import write

    return write(folder)
