"""Declares the executor; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the executor."""
    return [
        Component(
            kind="executor",
            name="ray",
            target="kp_plugin_ray.executor:RayExecutor",
            config="kp_plugin_ray.config:RayConfig",
            summary="Tasks of a Ray cluster; one whose worker dies is done again.",
            reference="Moritz et al., OSDI 2018",
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return what the conformance kit has to know: without Ray there is nobody to do a shard."""
    from kpframework.testing import Sample

    if find_spec("ray") is None:
        known = {"executor::works": "ray is not installed: pip install 'kp-plugin-ray[ray]'"}
        return {"executor/ray": Sample(expected_failures=known)}
    known = {
        "executor::uses_no_pickle": "Ray carries the JSON texts of shards and answers in pickles"
    }
    return {"executor/ray": Sample({"workers": 2}, expected_failures=known)}
