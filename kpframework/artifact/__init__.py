"""The knowledge plugin as a small artifact: save, load, attach to any host it fits."""

from __future__ import annotations

from kpframework.artifact.encode import as_segment
from kpframework.artifact.mixed import HOST, encode_mixed
from kpframework.artifact.plugin import KnowledgePlugin
from kpframework.artifact.tokenizer import KnowledgeTokenizer
from kpframework.artifact.write import copy_tree, write_artifact

__all__ = [
    "HOST",
    "KnowledgePlugin",
    "KnowledgeTokenizer",
    "as_segment",
    "copy_tree",
    "encode_mixed",
    "write_artifact",
]
