"""An injector's own objective on a linked corpus (`TrainingSession.corpus_objective`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.api.corpus import CorpusBatch, CorpusLoss, Corruption, Keep, Masking
from kpframework.api.injector import Entities
from kpframework.api.text import Mention, Segment
from kpframework.inject.attachment import Attachment, replace_output
from kpframework.inject.batch import ENTITIES, Batch, Collator
from kpframework.inject.encoding import Encoded, InputEncoder
from kpframework.inject.freezing import dropout as host_dropout
from kpframework.inject.gather import PositionedEntities
from kpframework.inject.knowledge import Knowledge
from kpframework.train.data import EncodedSet
from kpframework.train.loop import History, Job, run_training
from kpframework.train.masked_lm import masked_items
from kpframework.train.masked_logits import body_of
from kpframework.train.tally import Tally

MASKED = 0.15
_MASKING, _CORRUPTION = 2000, 3000
"""Apart in the key of the generator, so that what is masked tells nothing of what is falsified."""


@dataclass(frozen=True)
class CorpusReader:
    """A host over a linked corpus, batch by batch.

    Args:
        attachment: the host with the module attached.
        knowledge: what is attached.
        language_model: a language model around the same encoder; None reads the encoder alone.
    """

    attachment: Attachment
    knowledge: Knowledge
    language_model: Any = None

    def read(self, batch: Batch, item_ids: Sequence[str], given: torch.Tensor) -> CorpusBatch:
        """Return what an objective sees of one batch.

        Args:
            batch: its codes are the true ones.
            item_ids: the entity id at each true position, in the order of the codes.
            given: the codes the host gets.
        """
        inputs = dict(batch.inputs)
        codes, mask = inputs.pop(ENTITIES), inputs["attention_mask"]
        seen: list[torch.Tensor] = []
        at_work: list[Entities | None] = []
        rows, columns, targets = batch.targets or (None, None, None)

        def note(_module: torch.nn.Module, _args: Any, output: Any) -> Any:
            at_work.append(self.attachment.entities("knowledge"))

            def select(hidden: torch.Tensor) -> torch.Tensor:
                seen.append(hidden)
                # The head computes nothing that is not scored.
                return hidden[:, :1] if rows is None else hidden[rows, columns].unsqueeze(0)

            return replace_output(output, "last_hidden_state", select)

        root = self.attachment.model
        model = self.language_model or body_of(root)
        # Before the hook by which a root ends what is at work, where it is the encoder itself.
        handle = body_of(model).register_forward_hook(note, prepend=True)
        try:
            if model is root:
                outputs = model(**inputs, **{ENTITIES: given})
            else:
                with self.attachment.at_work(given, mask):
                    outputs = model(**inputs)
        finally:
            handle.remove()
        loss = None
        if targets is not None:
            loss = torch.nn.functional.cross_entropy(outputs.logits.squeeze(0), targets)
        entities = at_work[0] or self._positioned(given, mask)
        return CorpusBatch(seen[0], entities, self._positioned(codes, mask), item_ids, loss)

    def _positioned(self, codes: torch.Tensor, mask: torch.Tensor) -> PositionedEntities:
        where = (codes >= 0).nonzero(as_tuple=True)
        return PositionedEntities(self.knowledge.table, where, codes[where], mask)


def train_on_corpus(
    reader: CorpusReader,
    module: torch.nn.Module,
    data: EncodedSet,
    loss: CorpusLoss,
    config: TrainConfig,
    context: Context,
    *,
    masking: Masking,
    corruption: Corruption | None,
    special: Any,
    dropout: float | None,
    own_dropout: bool,
    precision: str,
) -> History:
    """Train what of ``module`` requires a gradient by ``loss``; see `CorpusReader` for the host.

    Batches, masks and falsified marks are functions of the seed and the step.
    """
    size, seed = config.batch_size, context.seed
    per_epoch = len(data.batches(size, seed, 0))
    masked: dict[int, EncodedSet] = {}
    model = reader.language_model or reader.attachment.model

    def epoch_data(epoch: int) -> EncodedSet:
        if masking != "tokens":
            return data
        if epoch not in masked:
            masked.clear()
            masked[epoch] = replace(data, items=list(mask_tokens(data.items, special, seed, epoch)))
        return masked[epoch]

    def batches(epoch: int) -> Sequence[tuple[int, int, list[int]]]:
        chosen = epoch_data(epoch).batches(size, seed, epoch)
        return [(epoch, epoch * per_epoch + i, indices) for i, indices in enumerate(chosen)]

    def one(given: tuple[int, int, list[int]]) -> torch.Tensor:
        epoch, step, indices = given
        own = epoch_data(epoch)
        batch = own.batch(indices)
        codes = falsified(batch.inputs[ENTITIES], corruption, seed, step)
        ids = _ids([own.items[i] for i in indices], batch.inputs[ENTITIES], own.collate.left)
        on = context.device
        if own_dropout:
            model.train()
            return loss(reader.read(batch.to(on), ids, codes.to(on)))
        with host_dropout(reader.attachment.model, dropout):
            return loss(reader.read(batch.to(on), ids, codes.to(on)))

    history = run_training(
        Job(module, batches, one, label="the injector's objective"), config, context, precision
    )
    model.eval()
    return history


def corpus_items(
    tokenizer: Any,
    passages: Sequence[tuple[Segment, Sequence[Mention]]],
    knowledge: Knowledge,
    max_length: int,
    masking: Masking,
    keep: Keep | None,
) -> EncodedSet:
    """Encode the passages that an objective reads; those that do not fit are left out whole.

    The set's tally counts those that are left out, and why.
    """
    usable = [(segment, knowledge.usable(found)) for segment, found in passages]
    kept = [(s, own) for s, own in usable if own and (keep is None or keep(own))]
    without = sum(not own for _, own in usable)
    passed_over = len(usable) - without - len(kept)
    if masking == "mentions":
        segments, mentions = [s for s, _ in kept], [own for _, own in kept]
        data = masked_items(tokenizer, segments, mentions, knowledge, max_length)
        assert data.tally is not None
        own = replace(
            data.tally, read=len(passages), without_entity=without, passed_over=passed_over
        )
        return replace(data, tally=own)
    encoder = InputEncoder(tokenizer, max_length)
    edited = [knowledge.edit(Segment(s.text), own) for s, own in kept]
    whole = [item for item in encoder.encode([[e] for e in edited]) if not item.dropped]
    too_long = len(edited) - len(whole)
    items = [item for item in whole if item.entities]
    without += len(whole) - len(items)
    collate = Collator(tokenizer, encoder.special.pad_id, [knowledge.rows])
    tally = Tally("passages", len(passages), without, passed_over, len(items) + too_long, too_long)
    return EncodedSet(items, [None] * len(items), collate, tally=tally)


def mask_tokens(items: Sequence[Encoded], special: Any, seed: int, epoch: int) -> Iterator[Encoded]:
    """Yield each input with a random share of its own tokens hidden, at least one (`Masking`)."""
    generator = np.random.Generator(np.random.Philox(key=[seed, _MASKING + epoch]))
    reserved = set(special.tokenizer.all_special_ids)
    words = np.array([i for i in range(len(special.tokenizer)) if i not in reserved])
    for item in items:
        own = np.flatnonzero(np.asarray(item.origin) >= 0)
        chosen = np.sort(generator.choice(own, max(1, round(MASKED * len(own))), replace=False))
        fates = generator.random(len(chosen))
        ids, targets = list(item.input_ids), []
        for position, fate in zip(chosen.tolist(), fates, strict=True):
            targets.append((position, ids[position]))
            if fate < 0.8:
                ids[position] = special.mask_id
            elif fate < 0.9:
                ids[position] = int(generator.choice(words))
        yield replace(item, input_ids=ids, targets=targets)


def falsified(
    codes: torch.Tensor, corruption: Corruption | None, seed: int, step: int
) -> torch.Tensor:
    """Return a batch's codes with marks falsified; one entity has no other to be replaced by."""
    if corruption is None:
        return codes
    generator = np.random.Generator(np.random.Philox(key=[seed, (_CORRUPTION << 32) + step]))
    where = (codes >= 0).nonzero(as_tuple=True)
    own = codes[where].numpy()
    unique, inverse = np.unique(own, return_inverse=True)
    fates = generator.random(len(own))
    others = generator.integers(1, max(2, len(unique)), len(own))
    if len(unique) > 1:
        swapped = unique[(inverse + others) % len(unique)]
        own = np.where(fates < corruption.replace, swapped, own)
    dropped = (fates >= corruption.replace) & (fates < corruption.replace + corruption.drop)
    given = codes.clone()
    given[where] = torch.from_numpy(np.where(dropped, -1, own))
    return given


def _ids(items: Sequence[Encoded], codes: torch.Tensor, left: bool) -> list[str]:
    """Return the entity id at each marked position, row by row from left to right."""
    width = codes.shape[1]
    named = {
        (row, column + (width - len(item.input_ids) if left else 0)): entity
        for row, item in enumerate(items)
        for column, _, entity in item.entities
    }
    return [named[row, column] for row, column in (codes >= 0).nonzero().tolist()]


@contextmanager
def trained(model: torch.nn.Module, wanted: bool) -> Iterator[None]:
    """Let a model's parameters require a gradient as they do, or (not wanted) none."""
    flags = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    if not wanted:
        model.requires_grad_(False)
    try:
        yield
    finally:
        for parameter, flag in flags:
            parameter.requires_grad_(flag)


def around(language_model: Any, host: Any) -> Any:
    """Put a host's encoder into a language model, whose head reads it from then on.

    A decoder tied to the word embeddings is tied to the host's.
    """
    setattr(language_model, language_model.base_model_prefix, body_of(host))
    language_model.tie_weights()
    return language_model
