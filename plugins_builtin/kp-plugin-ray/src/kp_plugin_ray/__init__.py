"""Declares the executor; imports nothing heavy."""

from collections.abc import Iterable

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
