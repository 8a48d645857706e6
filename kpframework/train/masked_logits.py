"""A language model's logits where it has to name a token, and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from kpframework.inject.attachment import replace_output
from kpframework.inject.batch import Batch
from kpframework.inject.freezing import dropout
from kpframework.train.last_layer import Block, narrowable, only_at


def masked_lm_loss(model: Any, batch: Batch, blocks: Sequence[Block] = ()) -> torch.Tensor:
    """Return the cross-entropy over hidden tokens; the head sees those positions and no other."""
    logits, targets = masked_logits(model, batch, blocks)
    return torch.nn.functional.cross_entropy(logits, targets)


def masked_logits(
    model: Any, batch: Batch, blocks: Sequence[Block] = ()
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (hidden tokens, vocabulary) logits and their targets.

    A hook on the host's body passes on the hidden states of the answering positions alone, so that
    the host's own head computes nothing that is not scored; nor do ``blocks`` of its last layer.
    """
    if batch.targets is None:
        raise ValueError("the batch has no hidden token")
    rows, columns, targets = batch.targets

    def select(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
        return replace_output(output, "last_hidden_state", lambda h: h[rows, columns].unsqueeze(0))

    handle = body_of(model).register_forward_hook(select)
    try:
        with only_at(blocks, rows, columns):
            logits = model(**batch.inputs).logits
    finally:
        handle.remove()
    return logits.squeeze(0), targets


def body_of(model: Any) -> torch.nn.Module:
    """Return what stands below a model's head, inside a `PeftModel` too."""
    whole = model.get_base_model() if hasattr(model, "get_base_model") else model
    body: torch.nn.Module = whole.base_model
    return body


def narrowable_blocks(model: Any, batch: Batch) -> list[Block]:
    """Return the blocks of the host's last layer that need only see masked positions.

    Tried on a batch, without dropout: where a host shares its layers, or a block is not what it
    seems, the logits change and it is left whole.
    """
    with dropout(model, None):
        return narrowable(model, lambda blocks: masked_logits(model, batch, blocks)[0])
