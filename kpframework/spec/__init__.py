"""Specs: loading with positions, validation in two stages, JSON Schema.

Importing this package is cheap: names are resolved on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kpframework.spec.resolve import load_spec as load_spec
    from kpframework.spec.resolved import BoundComponent as BoundComponent
    from kpframework.spec.resolved import BoundHost as BoundHost
    from kpframework.spec.resolved import BoundInjection as BoundInjection
    from kpframework.spec.resolved import BoundKnowledge as BoundKnowledge
    from kpframework.spec.resolved import BoundTask as BoundTask
    from kpframework.spec.resolved import ResolvedSpec as ResolvedSpec
    from kpframework.spec.schema import json_schema as json_schema

_HOME = {
    "BoundComponent": "resolved",
    "BoundHost": "resolved",
    "BoundInjection": "resolved",
    "BoundKnowledge": "resolved",
    "BoundTask": "resolved",
    "ResolvedSpec": "resolved",
    "json_schema": "schema",
    "load_spec": "resolve",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"kpframework.spec.{_HOME[name]}"), name)
    raise AttributeError(f"module 'kpframework.spec' has no attribute {name!r}")
