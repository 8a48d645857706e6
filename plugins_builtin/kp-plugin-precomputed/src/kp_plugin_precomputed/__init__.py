"""Declares the embeddings; imports nothing heavy."""

from collections.abc import Iterable, Mapping
from typing import Any

from kpframework import Component, hookimpl


@hookimpl
def kp_components() -> Iterable[Component]:
    """Return the reader of vectors trained elsewhere."""
    return [
        Component(
            kind="embeddings",
            name="precomputed",
            target="kp_plugin_precomputed.embeddings:PrecomputedEmbeddings",
            config="kp_plugin_precomputed.config:PrecomputedConfig",
            summary="Vectors trained elsewhere: .npy, .safetensors, PBG, PyKEEN, DGL-KE, word2vec.",
            capabilities={"reads_triples": False},
        )
    ]


@hookimpl
def kp_samples() -> Mapping[str, Any]:
    """Return options that the conformance kit can build with."""
    return {"embeddings/precomputed": {"path": "kb/vectors.npy", "ids": "kb/ids.txt"}}
