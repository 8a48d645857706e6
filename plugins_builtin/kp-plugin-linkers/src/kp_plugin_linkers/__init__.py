"""Declares the linkers; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two linkers."""
    return [
        Component(
            kind="linker",
            name="annotated",
            target="kp_plugin_linkers.annotated:AnnotatedLinker",
            config="kp_plugin_linkers.config:AnnotatedConfig",
            summary="The entity ids that come with the data.",
        ),
        Component(
            kind="linker",
            name="gazetteer",
            target="kp_plugin_linkers.gazetteer:GazetteerLinker",
            config="kp_plugin_linkers.config:GazetteerConfig",
            summary="Names and synonyms of the knowledge base, found as whole words.",
            reference="Aho and Corasick, Communications of the ACM 18(6), 1975",
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {
        "linker/annotated": [{}, {"roles_only": True}],
        "linker/gazetteer": [
            {},
            {"scope": "spans+anywhere", "casing": "ignore", "inflection": "english"},
            {"scope": "spans"},
        ],
    }
