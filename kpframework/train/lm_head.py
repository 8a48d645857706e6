"""Fitting a masked-LM head to an encoder that comes without one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.errors import KpError
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, Encoded, InputEncoder
from kpframework.inject.freezing import dropout, freeze
from kpframework.train.data import EncodedSet
from kpframework.train.loop import History, Job, fast_fp32, run_training
from kpframework.train.masked_logits import masked_lm_loss, masked_logits

MASKED = 0.15
"""Share of tokens masked (Devlin et al. 2019, section 3.1), here always by the mask token."""


def fit_head(
    model: Any,
    tokenizer: Any,
    texts: Sequence[str],
    config: TrainConfig,
    context: Context,
    max_length: int = 128,
) -> tuple[History, dict[str, float]]:
    """Fit the head of a frozen masked LM in place; its decoder stays tied to the word embeddings.

    Returns:
        The history; and on a fiftieth of the texts, held out, the head's ``accuracy`` and ``loss``
        beside the ``unigram_accuracy`` of always naming the most frequent token of the texts, and
        how many ``targets`` that is of.
    """
    freeze(model)
    base = {id(parameter) for parameter in model.base_model.parameters()}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) not in base)
    encoder = InputEncoder(tokenizer, max_length)
    items = encoder.encode([[EditedSegment(text)] for text in texts])
    encoded = [item for item in items if max(item.origin, default=-1) >= 0]
    if len(encoded) < 2:
        raise KpError(
            "KP744",
            f"a masked-LM head is fitted to passages, and there are {len(encoded)} with words",
            "give the row a corpus with more of them: a knowledge base needs descriptions, a file "
            "lines of text",
        )
    order = np.random.Generator(np.random.Philox(key=[context.seed, 1])).permutation(len(encoded))
    held = max(1, len(encoded) // 50)
    train = [encoded[i] for i in order[held:]]
    collate = Collator(tokenizer, encoder.special.pad_id)
    counts = np.bincount(
        np.concatenate([item.input_ids for item in train]), minlength=model.config.vocab_size
    )
    start_at_frequencies(model, counts)
    mask_id = encoder.special.mask_id

    def masked(items: Sequence[Encoded], epoch: int) -> EncodedSet:
        hidden = list(mask_randomly(items, mask_id, context.seed, epoch))
        return EncodedSet(hidden, [None] * len(hidden), collate)

    current: dict[int, EncodedSet] = {}

    def batches(epoch: int) -> Sequence[tuple[int, list[int]]]:
        if epoch not in current:
            current.clear()
            current[epoch] = masked(train, epoch)
        chosen = current[epoch].batches(config.batch_size, context.seed, epoch)
        return [(epoch, indices) for indices in chosen]

    def loss(batch: tuple[int, list[int]]) -> torch.Tensor:
        epoch, indices = batch
        with dropout(model, None):
            return masked_lm_loss(model, current[epoch].batch(indices).to(context.device))

    history = run_training(Job(model, batches, loss, label="masked-LM head"), config, context)
    freeze(model)
    tokens = np.concatenate([item.input_ids for item in train])
    own = np.concatenate([item.origin for item in train]) >= 0
    frequent = int(np.bincount(tokens[own]).argmax())
    held_out = masked([encoded[i] for i in order[:held]], 0)
    return history, _quality(model, held_out, context, frequent)


def mask_randomly(
    items: Sequence[Encoded], mask_id: int, seed: int, epoch: int
) -> Iterator[Encoded]:
    """Yield each input with a random share of its own tokens masked, at least one."""
    generator = np.random.Generator(np.random.Philox(key=[seed, 1000 + epoch]))
    for item in items:
        own = np.flatnonzero(np.asarray(item.origin) >= 0)
        if not len(own):
            continue
        chosen = generator.choice(own, max(1, round(MASKED * len(own))), replace=False)
        ids = list(item.input_ids)
        targets = [(int(position), ids[position]) for position in np.sort(chosen)]
        for position, _ in targets:
            ids[position] = mask_id
        yield Encoded(ids, item.token_types, item.entities, targets, item.origin, item.dropped)


def start_at_frequencies(model: Any, counts: np.ndarray[Any, Any]) -> bool:
    """Set the bias of a language model's head to the log-frequencies of tokens.

    So it need not first learn which tokens are common.

    Args:
        model: a transformers language model.
        counts: shape (vocabulary,), how often each token is named.

    Returns:
        Whether the head has a bias; one without is left alone.
    """
    bias = getattr(model.get_output_embeddings(), "bias", None)
    if bias is None:
        return False
    with torch.no_grad():
        bias.copy_(torch.from_numpy(np.log((counts + 0.1) / (counts + 0.1).sum())))
    return True


def _quality(
    model: Any, held: EncodedSet, context: Context, most_frequent: int
) -> dict[str, float]:
    correct = frequent = total = 0
    loss = 0.0
    with torch.inference_mode(), fast_fp32():
        for start in range(0, len(held.items), 64):
            indices = range(start, min(start + 64, len(held.items)))
            logits, targets = masked_logits(model, held.batch(indices).to(context.device))
            loss += float(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))
            correct += int((logits.argmax(-1) == targets).sum())
            frequent += int((targets == most_frequent).sum())
            total += len(targets)
    return {
        "loss": loss / total,
        "accuracy": correct / total,
        "unigram_accuracy": frequent / total,
        "targets": total,
    }
