"""What a plugin declares: a component, named and described without importing its code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = (
    "backbone",
    "kb",
    "embeddings",
    "linker",
    "mapper",
    "injector",
    "host",
    "task",
    "tracker",
    "executor",
)
"""What a component can be; a spec has a place for each of them."""

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Component:
    """One thing a plugin offers.

    A declaration holds import *strings*, so that listing, validating and describing components
    never imports torch or a third-party library::

        Component(
            kind="mapper",
            name="mlp",
            target="kp_plugin_mappers.mlp:MLPMapper",
            config="kp_plugin_mappers.config:MLPConfig",
            summary="Two affine layers with a non-linearity between them.",
        )

    Raises:
        ValueError: kind unknown, name not lower-kebab, or a target not of the form ``mod:Name``.
    """

    kind: str
    """One of `KINDS`."""
    name: str
    """Lower-kebab name used as ``type`` in a spec."""
    target: str
    """``module:Class``, constructed as ``Class(config, context)`` when a spec uses it."""
    config: str
    """``module:Class`` of a pydantic model derived from `kpframework.api.ComponentConfig`."""
    summary: str
    """One line, shown by ``kpframework plugins list``."""
    reference: str = ""
    """Paper and section of the method, where there is one."""
    capabilities: Mapping[str, object] = field(default_factory=dict)
    """What the component declares of itself, e.g. ``{"trains_host": False}``."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown component kind {self.kind!r}; kinds are {', '.join(KINDS)}")
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"component name {self.name!r} is not lower-kebab, such as 'map-tuning'"
            )
        for what, value in (("target", self.target), ("config", self.config)):
            if not _TARGET.fullmatch(value):
                raise ValueError(
                    f"{what} {value!r} of {self.name!r} is not of the form 'module:Name'"
                )
