"""Where the parts of a transformer layer are, by the kind of model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kpframework import KpError

_BERT = {
    "query": r"attention\.self\.query",
    "key": r"attention\.self\.key",
    "value": r"attention\.self\.value",
    "output": r"attention\.output\.dense",
    "ffn-up": r"\d+\.intermediate\.dense",
    "ffn-down": r"\d+\.output\.dense",
}
_DEBERTA = _BERT | {
    "query": r"attention\.self\.query_proj",
    "key": r"attention\.self\.key_proj",
    "value": r"attention\.self\.value_proj",
}
_DISTILBERT = {
    "query": r"attention\.q_lin",
    "key": r"attention\.k_lin",
    "value": r"attention\.v_lin",
    "output": r"attention\.out_lin",
    "ffn-up": r"ffn\.lin1",
    "ffn-down": r"ffn\.lin2",
}
_GPT2 = {
    "query": r"attn\.c_attn",
    "key": r"attn\.c_attn",
    "value": r"attn\.c_attn",
    "output": r"attn\.c_proj",
    "ffn-up": r"mlp\.c_fc",
    "ffn-down": r"mlp\.c_proj",
}
_LLAMA = {
    "query": r"self_attn\.q_proj",
    "key": r"self_attn\.k_proj",
    "value": r"self_attn\.v_proj",
    "output": r"self_attn\.o_proj",
    "ffn-up": r"mlp\.up_proj",
    "ffn-down": r"mlp\.down_proj",
}
_ROLES = {
    "bert": _BERT,
    "roberta": _BERT,
    "xlm-roberta": _BERT,
    "electra": _BERT,
    "deberta": _DEBERTA,
    "deberta-v2": _DEBERTA,
    "distilbert": _DISTILBERT,
    "gpt2": _GPT2,
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "qwen2": _LLAMA,
    "gemma": _LLAMA,
}


_WITHOUT_BIASES = {
    "cohere",
    "gemma",
    "gemma2",
    "gemma3",
    "gemma3_text",
    "llama",
    "mistral",
    "mixtral",
    "modernbert",
    "modernbert-decoder",
    "mt5",
    "olmo",
    "olmo2",
    "phi3",
    "qwen3",
    "smollm3",
    "t5",
    "umt5",
}
"""Unless their configuration asks for them."""


def has_biases(config: Mapping[str, Any]) -> bool:
    """Return whether a model has biases, by its ``config.json``."""
    asked = any(config.get(name) for name in ("attention_bias", "mlp_bias", "norm_bias"))
    return asked or config.get("model_type") not in _WITHOUT_BIASES


def no_bias(kind: object) -> tuple[str, str]:
    """Return message and fix of a kind of model without biases."""
    return f"a {kind!r} model has no bias to train", "use 'lora', 'adapter' or 'full'"


def unknown(kind: str, option: str) -> tuple[str, str] | None:
    """Return message and fix if where the parts of a kind of model are is not known."""
    if kind in _ROLES:
        return None
    message = f"where the parts of a layer are in a {kind!r} model is not known"
    return message, f"known: {', '.join(sorted(_ROLES))}; {option}"


def pattern(model: Any, roles: Sequence[str], option: str) -> str:
    """Return the regular expression that the names of modules with these roles match in full.

    Args:
        model: a transformers model.
        roles: those of `Role`.
        option: what to name where this kind of model is not known.

    Raises:
        KpError: KP650, this kind of model is not known.
    """
    kind = str(model.config.model_type)
    if problem := unknown(kind, option):
        raise KpError("KP650", *problem)
    return rf".*\.({'|'.join(dict.fromkeys(_ROLES[kind][role] for role in roles))})"


def modules_of(model: Any, roles: Sequence[str], option: str) -> dict[str, Any]:
    """Return the modules with these roles by name; see `pattern`."""
    wanted = re.compile(pattern(model, roles, option))
    return {name: own for name, own in model.named_modules() if wanted.fullmatch(name)}
