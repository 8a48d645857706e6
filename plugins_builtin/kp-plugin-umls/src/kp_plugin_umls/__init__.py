"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    from kp_plugin_umls.synthetic import write

    write(folder / "umls", concepts=40)
    return {"kb/umls": {"meta": "umls/META"}}
