"""Plug a knowledge base into a frozen language model, declaratively.

Importing this package is cheap: the heavy names below are resolved on first use (PEP 562).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from kpframework.component import KINDS, Component
from kpframework.errors import KpError
from kpframework.hookspecs import hookimpl

if TYPE_CHECKING:
    from kpframework.artifact import KnowledgePlugin as KnowledgePlugin

__version__ = "0.1.0"
__all__ = ["KINDS", "Component", "KnowledgePlugin", "KpError", "__version__", "hookimpl"]

_LAZY = {"KnowledgePlugin": "kpframework.artifact"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'kpframework' has no attribute {name!r}")
