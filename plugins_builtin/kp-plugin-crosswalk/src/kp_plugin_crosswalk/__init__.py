"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the crosswalk."""
    return [
        Component(
            kind="kb",
            name="crosswalk",
            target="kp_plugin_crosswalk.provider:CrosswalkProvider",
            config="kp_plugin_crosswalk.config:CrosswalkConfig",
            summary="Another knowledge base whose entities get further ids from SSSOM mappings.",
        )
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    columns = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    row = "E1\tskos:exactMatch\tUMLS:C0000001\tsemapv:ManualMappingCuration\n"
    (folder / "own.sssom.tsv").write_text(columns + row, encoding="utf-8")
    kb = {"type": "triples", "paths": ["kb/triples.tsv"], "labels": "kb/labels.json"}
    return {"kb/crosswalk": {"kb": kb, "mappings": ["own.sssom.tsv"]}}
