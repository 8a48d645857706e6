"""Declares the adaptation; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the adaptation."""
    return [
        Component(
            kind="host",
            name="full",
            target="kp_plugin_full_finetuning.full:FullFineTuning",
            config="kp_plugin_full_finetuning.config:FullConfig",
            summary="Every parameter of the model is trained on the task.",
            reference="Devlin et al., NAACL 2019 (arXiv 1810.04805), section 3.2",
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"host/full": {"epochs": 1}}
