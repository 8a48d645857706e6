"""Declares map-tuning; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the injectors."""
    return [
        Component(
            kind="injector",
            name="map-tuning",
            target="kp_plugin_map_tuning.injector:MapTuning",
            config="kp_plugin_map_tuning.config:MapTuningConfig",
            summary="A mapped entity vector as one extra input position beside each mention.",
            reference="Zhang et al., ACL 2023 (arXiv 2305.17691), sections 3.1 and 3.2",
            capabilities={
                "site": "input slot",
                "trained": "the mapper",
                "trains_host": False,
                "kb_update": "free",
                "input_overhead": "a mention: 2 positions (concat), 3 (bracket), 1 (replace)",
            },
        ),
        Component(
            kind="injector",
            name="fine-tuning-with-mapper",
            target="kp_plugin_map_tuning.injector:FineTuningWithMapper",
            config="kp_plugin_map_tuning.config:FineTuningConfig",
            summary="A host fine-tuned anew with a trained mapper's slots in its input.",
            reference="Zhang et al., ACL 2023 (arXiv 2305.17691), section 4",
            capabilities={
                "site": "input slot",
                "trained": "the host",
                "trains_host": True,
                "kb_update": "free",
                "input_overhead": "a mention: 2 positions (concat), 3 (bracket), 1 (replace)",
            },
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    task = {"stage": "task", "epochs": 1}
    return {
        "injector/map-tuning": [
            {"train": task},
            {"train": task, "layout": "replace", "scale": "host"},
            {
                "train": {"stage": "general", "corpus": "c", "epochs": 1},
                "mapper": {"type": "mlp", "hidden": 8},
                "layout": "bracket",
            },
        ],
        "injector/fine-tuning-with-mapper": {"train_mapper": True},
    }
