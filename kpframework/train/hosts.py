"""Loading hosts: transformers' own classes, from a local folder, safetensors only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError

from kpframework.errors import KpError
from kpframework.inject.special_tokens import SpecialTokens

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()

LANGUAGE_MODEL = "language-model"
_HEADS = {
    "encoder": transformers.AutoModel,
    "sequence-classification": transformers.AutoModelForSequenceClassification,
    "masked-lm": transformers.AutoModelForMaskedLM,
    "causal-lm": transformers.AutoModelForCausalLM,
}


def load_tokenizer(folder: Path) -> Any:
    """Return the fast tokenizer of a model folder.

    Raises:
        KpError: KP731, there is none, or it does not load.
    """
    fix = "save it there as well: tokenizer.save_pretrained(folder)"
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    # tokenizers raises bare exceptions of a damaged file.
    except Exception as error:
        raise KpError("KP731", f"{folder} holds no tokenizer: {error}", fix) from error
    # Where the files are missing, transformers makes one that knows special tokens alone.
    if len(tokenizer.get_vocab()) <= len(set(tokenizer.all_special_tokens)):
        raise KpError("KP731", f"{folder} holds no tokenizer: it knows no words", fix)
    return tokenizer


def is_causal(model: Any) -> bool:
    """Return whether a model with a language-model head names each token from those before it."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    return type(whole) in transformers.MODEL_FOR_CAUSAL_LM_MAPPING.values()


def _language_model(folder: Path) -> str:
    """Return which language-model head an architecture has; of both, the masked one."""
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise KpError("KP731", f"{folder} holds no model: {error}") from error
    masked = type(config) in transformers.MODEL_FOR_MASKED_LM_MAPPING
    return "masked-lm" if masked else "causal-lm"


def load_model(folder: Path, head: str, labels: int = 0, seed: int = 0) -> tuple[Any, list[str]]:
    """Return a model in fp32 with a head, and the names of weights the folder did not have.

    New weights are drawn from ``seed``, which torch's global generators keep: what is drawn for the
    model next goes on from there. The head ``language-model`` is a masked or a causal one,
    whichever the architecture has.

    Raises:
        KpError: KP730, no such head; KP731, the folder does not load.
    """
    if head == LANGUAGE_MODEL:
        head = _language_model(folder)
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
    except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
        raise KpError("KP731", f"{folder} does not load with a {head} head: {error}") from error
    return model, sorted(info["missing_keys"])


def padded_by(model: Any, tokenizer: Any) -> Any:
    """Return a decoder that takes for padding what its inputs are padded with; another as it is.

    A decoder's classifier finds the end of a text by it, and configurations name another token than
    the tokenizer's, or none. Where a masked language model is of the kind, nothing is read from it
    but at what position counting begins: that the weights were trained with.
    """
    kind = type(model.config)
    decoder = kind in transformers.MODEL_FOR_CAUSAL_LM_MAPPING
    if decoder and kind not in transformers.MODEL_FOR_MASKED_LM_MAPPING:
        model.config.pad_token_id = SpecialTokens(tokenizer).pad_id
    return model


def start_at_prior(model: Any, logits: Sequence[float]) -> None:
    """Set the bias of a new classification head; a head without a bias is left alone."""
    for module in reversed(list(model.modules())):
        if isinstance(module, torch.nn.Linear) and module.out_features == len(logits):
            if module.bias is not None:
                with torch.no_grad():
                    module.bias.copy_(torch.tensor(logits))
            return


def load_checkpoint(folder: Path, head: str, labels: Sequence[str]) -> Any:
    """Return a user's own downstream model.

    Raises:
        KpError: KP732, its head is missing, or its outputs are not the task's labels in their
            order (names are compared where the checkpoint has names of its own).
    """
    model, missing = load_model(folder, head)
    if missing:
        raise KpError(
            "KP732",
            f"{folder} has no trained {head} head: {', '.join(missing[:3])} would be random",
            "give a fine-tuned checkpoint, or an adaptation instead of a checkpoint",
        )
    outputs = int(getattr(model.config, "num_labels", 0))
    names = [model.config.id2label[i] for i in range(outputs)]
    generic = all(name == f"LABEL_{i}" for i, name in enumerate(names))
    if (
        head == "sequence-classification"
        and labels
        and (outputs != len(labels) or not (generic or names == list(labels)))
    ):
        raise KpError(
            "KP732",
            f"{folder} has {outputs} outputs ({', '.join(names[:4])} …), the task has "
            f"{len(labels)} labels ({', '.join(labels[:4])} …)",
            "give the task the label list the checkpoint was trained with, in its order",
        )
    return model
