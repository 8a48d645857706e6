"""Declares map-tuning; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the injector."""
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
        )
    ]
