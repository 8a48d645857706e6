"""Declares the fusion; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the injector."""
    return [
        Component(
            kind="injector",
            name="ernie-fusion",
            target="kp_plugin_ernie.injector:ErnieFusion",
            config="kp_plugin_ernie.config:ErnieFusionConfig",
            summary="ERNIE-style: entity vectors fused into hidden states through a gate.",
            reference="after Zhang et al., ACL 2019 (arXiv 1905.07129), section 3.4",
            capabilities={
                "site": "hidden states after one layer",
                "trained": "the fusion block",
                "trains_host": False,
                "kb_update": "free",
                "input_overhead": "none",
            },
        )
    ]
