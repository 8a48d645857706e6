"""What a task reads of its host: a head's outputs, words at hidden places, or their likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from kpframework.api.task import Task
from kpframework.errors import KpError
from kpframework.inject.batch import Batch
from kpframework.inject.freezing import dropout
from kpframework.train.last_layer import read_out
from kpframework.train.masked_logits import masked_logits, narrowable_blocks

Read = Callable[[Batch], torch.Tensor]
"""From a batch of inputs to what is read of each: shape (inputs, outputs)."""


def reading(model: Any, task: Task, probe: Batch | None = None) -> Read:
    """Return what a task reads of a host.

    Args:
        model: the host, with whatever is attached to it.
        task: says what it reads (`Task.reads`).
        probe: a batch by which to find what of the last layer need not be computed; only where
            nothing but the host's own head acts on its last hidden states. None computes all.
    """
    if task.reads == "head":
        if probe is None:
            return lambda batch: model(**batch.inputs).logits
        with dropout(model, None):
            return read_out(model, probe)
    blocks = narrowable_blocks(model, probe) if probe is not None else []
    read = {"words": _words, "likelihood": _mean, "total-likelihood": _total}[task.reads]
    return lambda batch: read(*masked_logits(model, batch, blocks), batch)


def _words(logits: torch.Tensor, _targets: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the vocabulary's logits at the one hidden token of each input."""
    assert batch.targets is not None  # else there are no logits
    rows = batch.targets[0]
    inputs = len(batch.inputs["input_ids"])
    if len(rows) != inputs or len(torch.unique(rows)) != inputs:
        raise KpError(
            "KP742",
            f"{len(rows)} hidden tokens in {inputs} inputs of a task that reads one word of each",
            "hide one token of every input, or read the likelihood",
        )
    return logits[torch.argsort(rows)]


def _total(logits: torch.Tensor, targets: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the log-probability of each input's hidden tokens together, shape (inputs, 1)."""
    total, _ = _named(logits, targets, batch)
    return total.unsqueeze(1)


def _mean(logits: torch.Tensor, targets: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Return the mean log-probability of each input's hidden tokens, shape (inputs, 1)."""
    total, count = _named(logits, targets, batch)
    return (total / count.clamp(min=1)).unsqueeze(1)


def _named(
    logits: torch.Tensor, targets: torch.Tensor, batch: Batch
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sum of log-probabilities, minus infinity without hidden tokens, and their number.

    Both have the shape (inputs,).
    """
    assert batch.targets is not None
    rows, inputs = batch.targets[0], len(batch.inputs["input_ids"])
    named = -torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
    total = named.new_zeros(inputs).index_add(0, rows, named)
    count = named.new_zeros(inputs).index_add(0, rows, torch.ones_like(named))
    return total.masked_fill(count == 0, -torch.inf), count
