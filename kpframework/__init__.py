"""Plug a knowledge base into a frozen language model, declaratively.

Importing this package is cheap: its names are resolved on first use (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpframework.lazy import lazy_names

if TYPE_CHECKING:
    from kpframework.artifact import KnowledgePlugin as KnowledgePlugin
    from kpframework.component import KINDS as KINDS
    from kpframework.component import Component as Component
    from kpframework.errors import KpError as KpError
    from kpframework.hookspecs import hookimpl as hookimpl

__version__ = "0.1.0"
__all__ = ["KINDS", "Component", "KnowledgePlugin", "KpError", "__version__", "hookimpl"]

__getattr__ = lazy_names(
    __name__,
    {
        "KINDS": "component",
        "Component": "component",
        "KnowledgePlugin": "artifact",
        "KpError": "errors",
        "hookimpl": "hookspecs",
    },
)
