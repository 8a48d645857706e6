"""Declares the spaCy linker; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the linker."""
    return [
        Component(
            kind="linker",
            name="spacy",
            target="kp_plugin_spacy.linker:SpacyLinker",
            config="kp_plugin_spacy.config:SpacyConfig",
            summary="The entities of a spaCy pipeline of one's own.",
            reference="Honnibal et al., spaCy, doi 10.5281/zenodo.1212303",
        )
    ]


@hookimpl
def kp_samples(folder: Path) -> Mapping[str, Any]:
    """Return options that the conformance kit can build with: patterns for the tiny project."""
    import spacy

    from kpframework.testing.project import ENTITIES, entity_name

    nlp = spacy.blank("xx")
    nlp.add_pipe("entity_ruler").add_patterns(  # type: ignore[attr-defined]
        [{"label": "E", "pattern": entity_name(i), "id": f"E{i}"} for i in range(ENTITIES)]
    )
    nlp.to_disk(folder / "pipeline")
    return {"linker/spacy": {"pipeline": "pipeline"}}
