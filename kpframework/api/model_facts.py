"""What a model's configuration file says of it, for options that have to fit a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Misfit = tuple[str, str, str]
"""An option (dotted where it is nested), what is wrong with its value on this model, and the fix.
"""
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_GATED = {
    *("cohere", "cohere2", "deepseek_v2", "deepseek_v3", "gemma", "gemma2", "gemma3_text", "glm"),
    *("glm4", "granite", "jamba", "llama", "mistral", "mixtral", "modernbert"),
    *("modernbert-decoder", "olmo", "olmo2", "olmo3", "phi3", "qwen2", "qwen2_moe", "qwen3"),
    *("qwen3_moe", "smollm3", "stablelm"),
}


def layer_count(model: Mapping[str, Any]) -> int | None:
    """Return how many transformer layers a model has, or None where its configuration is silent.

    Args:
        model: the content of its ``config.json``.
    """
    found = (model.get(name) for name in _LAYERS)
    return next((count for count in found if isinstance(count, int)), None)


def outside_layers(model: Mapping[str, Any], option: str, layer: int) -> Iterator[Misfit]:
    """Yield a misfit if a layer's index (negative: from the end) is none of the model's."""
    count = layer_count(model)
    if count is not None and not -count <= layer < count:
        message = f"layer {layer} of a model with {count} layers"
        yield option, message, f"give an index from {-count} to {count - 1}"


def gated_feed_forward(model: Mapping[str, Any]) -> bool:
    """Return whether a model's kind is known to have gated feed-forward blocks (Shazeer 2020).

    Args:
        model: the content of its ``config.json``.
    """
    return str(model.get("model_type")) in _GATED
