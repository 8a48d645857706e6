"""Plug a knowledge base into a frozen language model, declaratively.

Importing this package is cheap: its names are resolved on first use (PEP 562).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kpframework.lazy import lazy_names

if TYPE_CHECKING:
    from kpframework.artifact import HOST as HOST
    from kpframework.artifact import KnowledgePlugin as KnowledgePlugin
    from kpframework.artifact import encode_mixed as encode_mixed
    from kpframework.component import KINDS as KINDS
    from kpframework.component import Component as Component
    from kpframework.errors import KpError as KpError
    from kpframework.hookspecs import hookimpl as hookimpl
    from kpframework.kb.neighbours import neighbours as neighbours
    from kpframework.saved_host import SavedHost as SavedHost
    from kpframework.saved_host import load_host as load_host
    from kpframework.spec.source import read_table as read_table

__version__ = "0.1.0"
__all__ = [
    "HOST",
    "KINDS",
    "Component",
    "KnowledgePlugin",
    "KpError",
    "SavedHost",
    "__version__",
    "encode_mixed",
    "hookimpl",
    "load_host",
    "neighbours",
    "read_table",
]

__getattr__ = lazy_names(
    __name__,
    {
        "HOST": "artifact",
        "KINDS": "component",
        "Component": "component",
        "KnowledgePlugin": "artifact",
        "KpError": "errors",
        "SavedHost": "saved_host",
        "encode_mixed": "artifact",
        "hookimpl": "hookspecs",
        "load_host": "saved_host",
        "neighbours": "kb.neighbours",
        "read_table": "spec.source",
    },
)
