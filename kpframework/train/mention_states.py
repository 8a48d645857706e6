"""What a language model makes of masked mentions: its output vectors where names stood."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from kpframework.api.context import Context
from kpframework.api.text import Blank, Mention, Replacement, Segment
from kpframework.inject.batch import Collator, sorted_batches
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.train.loop import fast_fp32
from kpframework.train.masked_logits import masked_logits

BATCH = 64


def mention_states(
    model: Any,
    tokenizer: Any,
    passages: Sequence[tuple[Segment, Sequence[Mention]]],
    limit: int,
    max_length: int,
    context: Context,
) -> Iterator[tuple[list[str], np.ndarray[Any, np.dtype[np.float32]]]]:
    """Yield entities of masked mentions and the language model's output vectors there.

    A mention's whole span becomes one mask token; the vector is the input of the decoder, shape
    (mentions, width). A passage that does not fit is cut around the mention.

    Args:
        model: a frozen masked language model.
        tokenizer: its own.
        passages: texts with linked mentions.
        limit: most mentions of an entity, drawn by the context's seed.
        max_length: longest input in tokens.
        context: seed, device, progress.
    """
    chosen = _chosen([mentions for _, mentions in passages], limit, context.seed)
    encoder = InputEncoder(tokenizer, max_length)
    inputs, entities = [], []
    for passage, mention in chosen:
        edit = SourcedEdit(Replacement(mention.start, mention.end, (Blank(),)))
        inputs.append([EditedSegment(passages[passage][0].text, (edit,))])
        entities.append(mention.entity)
    items = encoder.encode(inputs)
    collate = Collator(tokenizer, encoder.special.pad_id)
    lengths = [len(item.input_ids) for item in items]
    with (
        context.progress("reading masked mentions", len(items)) as advance,
        fast_fp32(),
        torch.inference_mode(),
    ):
        for indices in sorted_batches(lengths, BATCH):
            batch = collate([items[i] for i in indices]).to(context.device)
            yield [entities[i] for i in indices], _decoder_inputs(model, batch)
            advance(len(indices))


def _chosen(found: Sequence[Sequence[Mention]], limit: int, seed: int) -> list[tuple[int, Mention]]:
    """Return (passage, mention) of at most ``limit`` mentions of each entity."""
    of_entity: dict[str, list[tuple[int, Mention]]] = defaultdict(list)
    for passage, mentions in enumerate(found):
        for mention in mentions:
            of_entity[mention.entity].append((passage, mention))
    generator = np.random.default_rng(seed)
    chosen = []
    for own in of_entity.values():
        kept = range(len(own))
        if len(own) > limit:
            kept = sorted(generator.choice(len(own), limit, replace=False).tolist())  # type: ignore[assignment]
        chosen += [own[i] for i in kept]
    return chosen


def _decoder_inputs(model: Any, batch: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    seen: list[torch.Tensor] = []

    def note(_module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> None:
        seen.append(args[0])

    handle = model.get_output_embeddings().register_forward_pre_hook(note)
    try:
        masked_logits(model, batch)
    finally:
        handle.remove()
    states: np.ndarray[Any, np.dtype[np.float32]] = seen[0].squeeze(0).float().cpu().numpy()
    return states
