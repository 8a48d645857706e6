"""Declares both forms; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two injectors."""
    shared = {"needs_entities": False, "needs_kb": True, "input_overhead": "none"}
    return [
        Component(
            kind="injector",
            name="k-adapter",
            target="kp_plugin_k_adapter.injector:KAdapter",
            config="kp_plugin_k_adapter.config:KAdapterConfig",
            summary="K-Adapter, plug-and-play: a factual adapter, gated into a frozen host.",
            reference="after Wang et al., Findings of ACL 2021 (arXiv 2002.01808), section 3",
            capabilities={
                **shared,
                "site": "last hidden state",
                "trained": "the adapter on facts, then a gate",
                "trains_host": False,
                "kb_update": "retrain",
            },
        ),
        Component(
            kind="injector",
            name="k-adapter-finetuned",
            target="kp_plugin_k_adapter.injector:KAdapterFinetuned",
            config="kp_plugin_k_adapter.config:KAdapterFinetunedConfig",
            summary="K-Adapter as published, the host trained: a frozen adapter beside it.",
            reference="Wang et al., Findings of ACL 2021 (arXiv 2002.01808), section 3",
            capabilities={
                **shared,
                "site": "last hidden state",
                "trained": "the adapter on facts, then the host",
                "trains_host": True,
                "kb_update": "retrain",
            },
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    size = {"width": 16, "heads": 2, "hidden": 32, "depth": 1}
    factual = {"corpus": "c", "epochs": 1}
    return {
        "injector/k-adapter": {
            **size,
            "factual": factual,
            "train": {"stage": "task", "epochs": 1},
        },
        "injector/k-adapter-finetuned": {**size, "factual": factual},
    }
