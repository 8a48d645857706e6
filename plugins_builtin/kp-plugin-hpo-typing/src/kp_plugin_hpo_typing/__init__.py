"""Declares the task; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the task."""
    return [
        Component(
            kind="task",
            name="phenotype-typing",
            target="kp_plugin_hpo_typing.task:PhenotypeTyping",
            config="kp_plugin_hpo_typing.config:PhenotypeTypingConfig",
            summary="Organ systems of a phenotype mentioned in a definition of the HPO.",
            reference="Gargano et al., Nucleic Acids Research 52(D1), 2024",
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"task/phenotype-typing": {"n_train": 24, "n_dev": 8, "n_test": 8}}
