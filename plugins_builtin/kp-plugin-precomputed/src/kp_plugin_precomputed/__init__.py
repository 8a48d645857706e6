"""Declares the embeddings; imports nothing heavy."""

from collections.abc import Iterable

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
            summary="Vectors trained elsewhere: .npy or .safetensors, and a map of ids to rows.",
        )
    ]
