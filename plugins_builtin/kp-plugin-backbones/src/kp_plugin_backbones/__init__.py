"""Declares the backbones; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two backbones."""
    return [
        Component(
            kind="backbone",
            name="hf",
            target="kp_plugin_backbones.hub:HubBackbone",
            config="kp_plugin_backbones.config:HubConfig",
            summary="A model folder, or a model of the Hugging Face hub.",
            capabilities={"network": True},
        ),
        Component(
            kind="backbone",
            name="minilm",
            target="kp_plugin_backbones.minilm:MiniLMBackbone",
            config="kp_plugin_backbones.config:MiniLMConfig",
            summary="all-MiniLM-L6-v2 (22 M parameters) from an installed package, no network.",
            reference="Wang et al., NeurIPS 2020 (arXiv 2002.10957)",
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"backbone/hf": {"model": "backbone"}}
