"""Declares the adaptations; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the three adaptations."""
    return [
        Component(
            kind="host",
            name="lora",
            target="kp_plugin_peft.lora:LoRA",
            config="kp_plugin_peft.config:LoRAConfig",
            summary="Low-rank updates of linear maps, and the head, are trained.",
            reference="Hu et al., ICLR 2022 (arXiv 2106.09685), section 4.1",
        ),
        Component(
            kind="host",
            name="adapter",
            target="kp_plugin_peft.adapter:BottleneckAdapter",
            config="kp_plugin_peft.config:AdapterConfig",
            summary="Two bottlenecks a layer, and the head, are trained.",
            reference="Houlsby et al., ICML 2019 (arXiv 1902.00751), section 2.1",
        ),
        Component(
            kind="host",
            name="bitfit",
            target="kp_plugin_peft.bitfit:BitFit",
            config="kp_plugin_peft.config:BitFitConfig",
            summary="Every bias, and the head, are trained.",
            reference="Ben Zaken et al., ACL 2022 (arXiv 2106.10199), section 3",
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {
        "host/lora": [{"rank": 2}, {"rank": 2, "targets": ["value", "ffn-down"]}],
        "host/adapter": {"bottleneck": 4},
    }
