"""One row at work: a frozen host, and an injector with its module attached to it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from kpframework.api.context import Context
from kpframework.api.injector import Injector
from kpframework.api.kb import KnowledgeBase
from kpframework.api.task import Task
from kpframework.api.text import Example, Mention, Segment
from kpframework.inject.attachment import Attachment
from kpframework.inject.knowledge import Knowledge
from kpframework.inject.plug import load_state, plug
from kpframework.kb.table import EntityTable
from kpframework.run.steps.knowledge import give_tokenizer
from kpframework.train.data import EncodedSet, Mentions, encode_examples
from kpframework.train.hosts import is_causal
from kpframework.train.masked_lm import masked_items
from kpframework.train.session import Session


class Row:
    """A frozen host with, unless the injector uses none, knowledge attached.

    Args:
        host: model and tokenizer.
        task: encodes and scores.
        injector: what is attached.
        table: entity vectors; None where the injector needs none.
        kb: the knowledge base, where the injector reads it.
        trained: folder whose tensors fill the module; None starts anew from the context's seed.
        context: seed, device, progress.
    """

    def __init__(
        self,
        host: tuple[Any, Any],
        task: Task,
        injector: Injector,
        table: EntityTable | None,
        kb: KnowledgeBase | None,
        trained: Path | None,
        context: Context,
    ) -> None:
        self.model, self.tokenizer = host
        self.task = task
        give_tokenizer(task, self.tokenizer)
        self.context = context
        self.attachment = Attachment(self.model)
        self.knowledge: Knowledge | None = None
        if kb is not None:
            injector.prepare(kb)
        if table is not None or kb is not None or injector.makes_entities:
            state = None if trained is None else load_state(trained)
            self.knowledge = plug(
                self.attachment, "knowledge", injector, table, state, seed=context.seed
            )

    @property
    def module(self) -> torch.nn.Module | None:
        """The injector's module."""
        return self.knowledge.module if self.knowledge else None

    def encode(self, examples: Sequence[Example], linked: Sequence[Mentions] | None) -> EncodedSet:
        """Encode examples for the host, with the injector's edits where they are linked."""
        return encode_examples(
            self.tokenizer,
            self.task.max_length,
            examples,
            linked,
            self.knowledge,
            causal=is_causal(self.model),
        )

    def masked_items(
        self, passages: Sequence[tuple[Segment, Sequence[Mention]]], max_length: int
    ) -> EncodedSet:
        """Encode the masked items of a linked corpus."""
        assert self.knowledge is not None
        segments, mentions = [own for own, _ in passages], [found for _, found in passages]
        return masked_items(self.tokenizer, segments, mentions, self.knowledge, max_length)

    def session(self, precision: str) -> Session:
        """Return what the injector's `fit` is given, still without data."""
        assert self.knowledge is not None
        return Session(self.attachment, self.knowledge, self.tokenizer, self.context, precision)
