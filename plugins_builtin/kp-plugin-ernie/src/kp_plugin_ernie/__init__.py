"""Declares both forms; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two injectors."""
    return [
        Component(
            kind="injector",
            name="ernie-fusion",
            target="kp_plugin_ernie.injector:ErnieFusion",
            config="kp_plugin_ernie.config:ErnieFusionConfig",
            summary="ERNIE-style, plug-and-play: entity vectors fused into a frozen host's states.",
            reference="after Zhang et al., ACL 2019 (arXiv 1905.07129), section 3.4",
            capabilities={
                "site": "hidden states after one layer",
                "trained": "the fusion block",
                "trains_host": False,
                "kb_update": "free",
                "input_overhead": "none",
            },
        ),
        Component(
            kind="injector",
            name="ernie",
            target="kp_plugin_ernie.ernie:Ernie",
            config="kp_plugin_ernie.config:ErnieConfig",
            summary="ERNIE itself, the host trained: an entity stream in its upper layers.",
            reference="Zhang et al., ACL 2019 (arXiv 1905.07129), section 3",
            capabilities={
                "site": "feed-forward blocks of the upper layers",
                "trained": "the host and the entity stream",
                "trains_host": True,
                "kb_update": "retrain",
                "input_overhead": "none",
            },
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {
        "injector/ernie-fusion": [
            {"train": {"stage": "task", "epochs": 1}},
            {"train": {"stage": "general", "corpus": "c", "epochs": 1}, "layer": 0},
        ],
        "injector/ernie": {"first": 0, "pretrain": {"corpus": "c"}},
    }
