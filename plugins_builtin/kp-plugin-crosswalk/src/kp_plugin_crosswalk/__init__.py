"""Declares the knowledge base; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the crosswalk."""
    return [
        Component(
            kind="kb",
            name="crosswalk",
            target="kp_plugin_crosswalk.provider:CrosswalkProvider",
            config="kp_plugin_crosswalk.config:CrosswalkConfig",
            summary="Another knowledge base whose entities get further ids from SSSOM mappings.",
        )
    ]
