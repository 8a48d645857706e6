"""Declares the injector."""

from kpframework import Component, hookimpl


@hookimpl
def kp_components():
    """Return the soft prefix."""
    return [
        Component(
            kind="injector",
            name="soft-prefix",
            target="kp_plugin_soft_prefix.injector:SoftPrefix",
            config="kp_plugin_soft_prefix.config:SoftPrefixConfig",
            summary="Mapped entity vectors in front of the text.",
            reference="after Zhang et al., MM 2024 (arXiv 2310.06671), section 3.3",
            capabilities={
                "site": "prefix",
                "trained": "the mapper",
                "trains_host": False,
                "kb_update": "free",
                "input_overhead": "a linked entity: 1 position",
            },
        )
    ]


@hookimpl
def kp_samples():
    """Return options that the conformance kit can build with."""
    return {"injector/soft-prefix": {"train": {"stage": "task", "epochs": 1}}}
