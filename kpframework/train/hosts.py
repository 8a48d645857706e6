"""Loading hosts: transformers' own classes, from a local folder, safetensors only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from kpframework.errors import KpError

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

_HEADS = {
    "sequence-classification": transformers.AutoModelForSequenceClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
    "causal-lm": transformers.AutoModelForCausalLM,
}


def load_tokenizer(folder: Path) -> Any:
    """Return the fast tokenizer of a model folder."""
    return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


def load_model(folder: Path, head: str, labels: int = 0, seed: int = 0) -> tuple[Any, list[str]]:
    """Return a model in fp32 with a head, and the names of weights the folder did not have.

    New weights are drawn from ``seed``.

    Raises:
        KpError: KP730, no such head; KP731, the folder does not load.
    """
    if head not in _HEADS:
        raise KpError("KP730", f"no head {head!r}", f"heads are {', '.join(_HEADS)}")
    options: dict[str, Any] = {"num_labels": labels} if labels else {}
    torch.manual_seed(seed)
    try:
        model, info = _HEADS[head].from_pretrained(
            folder,
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
            **options,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise KpError("KP731", f"{folder} does not load with a {head} head: {error}") from error
    if model.config.pad_token_id is None:
        # Decoder classifiers find the end of a text by its padding.
        model.config.pad_token_id = model.config.eos_token_id or 0
    return model, sorted(info["missing_keys"])


def load_checkpoint(folder: Path, head: str, labels: int) -> Any:
    """Return a user's own downstream model.

    Raises:
        KpError: KP732, its head is missing or has another number of outputs.
    """
    model, missing = load_model(folder, head)
    if missing:
        raise KpError(
            "KP732",
            f"{folder} has no trained {head} head: {', '.join(missing[:3])} would be random",
            "give a fine-tuned checkpoint, or an adaptation instead of a checkpoint",
        )
    outputs = int(getattr(model.config, "num_labels", 0))
    if head == "sequence-classification" and outputs != labels:
        raise KpError(
            "KP732",
            f"{folder} has {outputs} outputs, the task has {labels} labels",
            "give the task the label list the checkpoint was trained with",
        )
    return model
