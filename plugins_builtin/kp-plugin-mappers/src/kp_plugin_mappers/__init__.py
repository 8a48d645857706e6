"""Declares the mappers; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two mappers."""
    return [
        Component(
            kind="mapper",
            name="linear",
            target="kp_plugin_mappers.mappers:LinearMapper",
            config="kp_plugin_mappers.config:LinearConfig",
            summary="One affine map with bias.",
            reference="Zhang et al., ACL 2023 (arXiv 2305.17691), section 3.1",
        ),
        Component(
            kind="mapper",
            name="mlp",
            target="kp_plugin_mappers.mappers:MLPMapper",
            config="kp_plugin_mappers.config:MLPConfig",
            summary="Two affine maps with a GELU between them.",
        ),
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"mapper/mlp": [{"hidden": 64}, {"hidden": 64, "dropout": 0.1}]}
