"""Declares the executors; imports nothing heavy."""

from collections.abc import Iterable

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the two executors."""
    return [
        Component(
            kind="executor",
            name="local",
            target="kp_plugin_executors.local:LocalExecutor",
            config="kp_plugin_executors.config:LocalConfig",
            summary="Processes of this machine; the shard of one that dies is done again.",
        ),
        Component(
            kind="executor",
            name="serial",
            target="kp_plugin_executors.serial:SerialExecutor",
            config="kp_plugin_executors.config:SerialConfig",
            summary="This process, one shard after the other.",
            capabilities={"in_process": True},
        ),
    ]
