"""Declares the knowledge bases; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return a reader for each format."""
    return [
        Component(
            kind="kb",
            name="wikidata-dump",
            target="kp_plugin_wikidata.dump:DumpProvider",
            config="kp_plugin_wikidata.config:DumpConfig",
            summary="Items and statements of the Wikidata JSON dump, in one pass.",
        ),
        Component(
            kind="kb",
            name="wikidata5m",
            target="kp_plugin_wikidata.wikidata5m:Wikidata5mProvider",
            config="kp_plugin_wikidata.config:Wikidata5mConfig",
            summary="Wikidata5M's text files: triples, aliases, descriptions.",
        ),
        Component(
            kind="kb",
            name="openke",
            target="kp_plugin_wikidata.openke:OpenKEProvider",
            config="kp_plugin_wikidata.config:OpenKEConfig",
            summary="A folder in OpenKE's format: counted files of head, tail, relation.",
        ),
        Component(
            kind="kb",
            name="codex",
            target="kp_plugin_wikidata.codex:CodexProvider",
            config="kp_plugin_wikidata.config:CodexConfig",
            summary="CoDEx: triples, labels of entities and relations, types.",
        ),
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    from kp_plugin_wikidata.samples import write

    return write(folder)
