"""Specs: loading with positions, validation in two stages, JSON Schema.

Importing this package is cheap: names are resolved on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpframework.lazy import lazy_names

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
__getattr__ = lazy_names("kpframework.spec", _HOME)
