"""Declares the injector."""

from kpframework import Component, hookimpl


@hookimpl
def kp_components():
    """Return the key/value injection."""
    return [
        Component(
            kind="injector",
            name="kv-knowledge",
            target="kp_plugin_kv_knowledge.injector:KVKnowledge",
            config="kp_plugin_kv_knowledge.config:KVKnowledgeConfig",
            summary="Entities as keys and values that a text's tokens may attend to.",
            reference="after Wang et al., ICLR 2025 (arXiv 2410.10450)",
            capabilities={
                "site": "attention of some layers",
                "trained": "two linear maps a layer",
                "trains_host": False,
                "kb_update": "free",
                "input_overhead": "none",
            },
        )
    ]


@hookimpl
def kp_samples():
    """Return options that the conformance kit can build with."""
    return {
        "injector/kv-knowledge": [
            {"train": {"stage": "task", "epochs": 1}},
            {"train": {"stage": "general", "corpus": "c", "epochs": 1}, "first": -1},
        ]
    }
