"""Declares the linkers; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the linkers."""
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
            reference="Fredkin, Communications of the ACM 3(9), 1960 (tries)",
        ),
        Component(
            kind="linker",
            name="fuzzy",
            target="kp_plugin_linkers.fuzzy:FuzzyLinker",
            config="kp_plugin_linkers.fuzzy_config:FuzzyConfig",
            summary="Names that are spelt like a span or a sequence of words.",
            reference="Bayardo, Ma and Srikant, WWW 2007 (search with a threshold)",
        ),
        Component(
            kind="linker",
            name="dense",
            target="kp_plugin_linkers.dense:DenseLinker",
            config="kp_plugin_linkers.dense_config:DenseConfig",
            summary="Candidates of another linker, chosen by what an encoder reads around them.",
            reference="Wu et al., EMNLP 2020, section 3 (bi-encoder; here without training)",
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
            {"ambiguity": "context"},
            {"scope": "spans"},
        ],
        "linker/dense": {"encoder": {"type": "hf", "model": "backbone"}, "cache": False},
        "linker/fuzzy": [{}, {"scope": "spans+anywhere", "threshold": 0.6}],
    }
