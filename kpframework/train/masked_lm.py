"""Mention-masked language modelling with the host frozen.

Zhang et al. 2023, section 3.2 (general map-tuning): mentions are masked, their entity's slot stays,
and the frozen language model has to name the mention from context and knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import torch

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.api.text import Mask, Mention, Segment
from kpframework.inject.batch import Collator
from kpframework.inject.encoding import EditedSegment, InputEncoder, SourcedEdit
from kpframework.inject.knowledge import Knowledge
from kpframework.train.data import EncodedSet
from kpframework.train.last_layer import PROBED
from kpframework.train.loop import History, Job, run_training
from kpframework.train.masked_logits import masked_lm_loss, narrowable_blocks
from kpframework.train.tally import Tally


def mask_variants(mentions: Sequence[Mention]) -> list[tuple[Mention, ...]]:
    """Return which mentions are masked together, one item of training each.

    One mention: itself. Two: both, the first, the second. More: each alone, since subsets explode.
    """
    if len(mentions) > 2:
        return [(mention,) for mention in mentions]
    sizes = range(len(mentions), 0, -1)
    return [chosen for size in sizes for chosen in combinations(mentions, size)]


def masked_items(
    tokenizer: Any,
    segments: Sequence[Segment],
    mentions: Sequence[Sequence[Mention]],
    knowledge: Knowledge,
    max_length: int,
) -> EncodedSet:
    """Encode every passage once for each of its mask variants.

    Mentions without a vector are neither masked nor given a slot. A variant that does not fit is
    left out whole, as published; the set's tally counts them.
    """
    encoder = InputEncoder(tokenizer, max_length)
    inputs = []
    without = 0
    for segment, found in zip(segments, mentions, strict=True):
        usable = knowledge.usable(found)
        without += not usable
        edited = knowledge.edit(Segment(segment.text), usable)
        for chosen in mask_variants(usable):
            masks = [SourcedEdit(Mask(m.start, m.end)) for m in chosen]
            inputs.append([EditedSegment(segment.text, (*edited.edits, *masks))])
    items = [item for item in encoder.encode(inputs) if not item.dropped]
    collate = Collator(tokenizer, encoder.special.pad_id, [knowledge.rows])
    tally = Tally("passages", len(segments), without, 0, len(inputs), len(inputs) - len(items))
    return EncodedSet(items, [None] * len(items), collate, tally=tally)


def train_mention_masked_lm(
    model: Any,
    module: torch.nn.Module,
    data: EncodedSet,
    config: TrainConfig,
    context: Context,
    precision: str,
    whole: bool = False,
) -> History:
    """Train an attached module by mention-masked language modelling on a frozen masked LM.

    ``whole`` computes the last layer everywhere: for a module that acts on hidden states.
    """
    probe = data.first(PROBED).to(context.device)
    blocks = [] if whole else narrowable_blocks(model, probe)

    def loss(indices: Sequence[int]) -> torch.Tensor:
        return masked_lm_loss(model, data.batch(indices).to(context.device), blocks)

    def batches(epoch: int) -> Sequence[Sequence[int]]:
        return data.batches(config.batch_size, context.seed, epoch)

    job = Job(module, batches, loss, label="general map-tuning")
    return run_training(job, config, context, precision)
