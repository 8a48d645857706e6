"""What an injector's `fit` is given (`kpframework.api.injector.TrainingSession`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.api.corpus import CorpusLoss, Corruption, Keep, Masking
from kpframework.api.embeddings import EmbeddingTable
from kpframework.api.host import Adaptation
from kpframework.api.injector import HostHandle
from kpframework.api.task import Task
from kpframework.api.text import Mention, Segment
from kpframework.errors import KpError
from kpframework.inject.attachment import Attachment
from kpframework.inject.batch import ENTITIES
from kpframework.inject.freezing import dropout as host_dropout
from kpframework.inject.knowledge import Knowledge
from kpframework.inject.special_tokens import SpecialTokens
from kpframework.train.corpus import CorpusReader, around, corpus_items, train_on_corpus, trained
from kpframework.train.data import EncodedSet, predict
from kpframework.train.last_layer import PROBED
from kpframework.train.loop import History, Job, run_training
from kpframework.train.masked_lm import train_mention_masked_lm
from kpframework.train.mention_states import mention_states
from kpframework.train.reading import reading
from kpframework.train.tally import Tally, nothing_left


@dataclass
class Session:
    """Trains an attached module on a host: by a task's loss or by mention-masked LM."""

    attachment: Attachment
    """The host with the module attached."""
    knowledge: Knowledge
    """What is attached."""
    tokenizer: Any
    context: Context
    precision: str = "fp32"
    task_data: tuple[Task, EncodedSet, EncodedSet] | None = None
    """The task, its training and its dev examples."""
    corpus_data: EncodedSet | None = None
    """Masked items of the linked corpus."""
    passages: Sequence[tuple[Segment, Sequence[Mention]]] = ()
    """The linked corpus itself."""
    corpus_length: int = 64
    language_model: Any = None
    """A masked language model for the corpus, where the host is none itself."""
    histories: list[History] = field(default_factory=list)
    tallies: list[Tally] = field(default_factory=list)
    """What each training of `histories` was given, and what it left out."""
    notes: dict[str, float] = field(default_factory=dict)
    adaptation: Adaptation | None = None
    """How the host is trained, where the injector trains it."""
    made: EmbeddingTable | None = None
    """Entity vectors that the injector made."""

    @property
    def module(self) -> torch.nn.Module:
        """The module that is trained."""
        assert self.knowledge.module is not None  # else there is nothing to train
        return self.knowledge.module

    @property
    def seed(self) -> int:
        """Seed of this row."""
        return self.context.seed

    @property
    def host(self) -> HostHandle:
        """The host the module is attached to."""
        return self.attachment.handle("knowledge")

    @property
    def _own_context(self) -> Context:
        """The context of the next training: each of a fit has its own checkpoints."""
        done = len(self.histories)
        scratch = self.context.scratch
        return replace(self.context, scratch=scratch / f"training-{done}" if done else scratch)

    def entities(self) -> tuple[Sequence[str], Any]:
        """Return every entity that has a vector, and the vectors."""
        table = self.knowledge.table
        assert table is not None  # an injector without vectors is not fitted
        return table.ids, table.gather(np.arange(len(table.ids)))

    def note(self, name: str, value: float) -> None:
        """Write a figure of the fit into the run's record."""
        self.notes[name] = float(value)

    def task(self, config: TrainConfig, dropout: float | None = None) -> None:
        """Train by the task's loss; see the protocol.

        Raises:
            KpError: KP740, no training example holds an entity; KP745, the injector's ``stage`` is
                another than ``task``.
        """
        if self.task_data is None:
            raise _not_set_up("without a task", 'declare the stage "task"')
        task, train, dev = self.task_data
        data = train.with_entities()
        if not data.items:
            raise KpError(
                "KP740",
                "no training example holds a linked mention with a vector",
                "look at the linker and at the coverage of the knowledge base",
            )
        read, kept = len(train.targets), len(data.targets)
        self.tallies.append(Tally("examples", read, read - kept, 0, kept, 0))
        self.histories.append(
            train_on_task(
                self.attachment.model,
                self.module,
                task,
                (data, dev),
                config,
                self._own_context,
                label="task-specific map-tuning",
                dropout=dropout,
                precision=self.precision,
                attachment=self.attachment,
            )
        )

    def adapt_host(self) -> None:
        """Adapt the host with the module attached; see the protocol.

        Raises:
            KpError: KP745, the injector does not declare that it trains its host.
        """
        if self.adaptation is None or self.task_data is None:
            raise _not_set_up("with a frozen host", "declare that the injector trains its host")
        config = self.adaptation.train
        task, train, dev = self.task_data
        self.tallies.append(Tally("examples", len(train.targets), 0, 0, len(train.targets), 0))
        model, module = self.attachment.model, self.knowledge.module
        both = torch.nn.ModuleList([model] if module is None else [model, module])
        history = train_on_task(
            model,
            both,
            task,
            (train, dev),
            config,
            self._own_context,
            label="adapting the host with knowledge",
            precision=self.precision,
            own_dropout=True,
        )
        self.histories.append(history)

    def mention_states(
        self, limit: int
    ) -> Iterator[tuple[Sequence[str], np.ndarray[Any, np.dtype[np.float32]]]]:
        """Yield what the language model makes of masked mentions; see the protocol.

        Raises:
            KpError: KP741, the corpus holds no linked mention.
        """
        if not self.passages:
            raise KpError("KP741", "the corpus holds no linked mention", "look at the linker")
        yield from mention_states(
            self.attachment.model,
            self.tokenizer,
            self.passages,
            limit,
            self.corpus_length,
            self.context,
        )

    def put_entities(
        self, ids: Sequence[str], vectors: np.ndarray[Any, np.dtype[np.float32]]
    ) -> None:
        """Give the entity vectors that the injector made."""
        self.made = EmbeddingTable(ids, vectors, {})

    def mention_masked_lm(self, config: TrainConfig, dropout: float | None = None) -> None:
        """Train by mention-masked language modelling; see the protocol.

        Raises:
            KpError: KP741, no item of the corpus is left; KP745, the injector's ``stage`` is
                another than ``general``.
        """
        if self.corpus_data is None or self.corpus_data.tally is None:
            raise _not_set_up("without a masked corpus", 'declare the stage "general"')
        self._begin_corpus(self.corpus_data, self.corpus_length)
        model = self.attachment.model
        with host_dropout(model, dropout):
            history = train_mention_masked_lm(
                model,
                self.module,
                self.corpus_data,
                config,
                self._own_context,
                self.precision,
                whole="layer" in self.attachment.sites,
            )
        self.histories.append(history)

    def corpus_objective(
        self,
        config: TrainConfig,
        loss: CorpusLoss,
        *,
        masking: Masking = "none",
        corruption: Corruption | None = None,
        heads: torch.nn.Module | None = None,
        keep: Keep | None = None,
        max_length: int | None = None,
        dropout: float | None = None,
        train_host: bool = False,
    ) -> None:
        """Train by an objective of the injector's own on the linked corpus; see the protocol.

        Raises:
            KpError: KP741, no passage is left; KP745, the injector does not declare that it trains
                its host.
        """
        if train_host and self.adaptation is None:
            raise _not_set_up("with a frozen host", "declare that the injector trains its host")
        context = self._own_context
        passages, length = self.passages, max_length or self.corpus_length
        data = corpus_items(self.tokenizer, passages, self.knowledge, length, masking, keep)
        self._begin_corpus(data, length)
        host, model = self.attachment.model, None
        if masking != "none":
            own = self.language_model
            model = host if own is None else around(own.to(context.device), host)
        reader = CorpusReader(self.attachment, self.knowledge, model)
        parts = [self.module, *([heads.to(context.device)] if heads is not None else [])]
        parts += [model if model is not None else host] if train_host else []
        with trained(host, train_host):
            if model is not None and not train_host:
                model.requires_grad_(False)  # a language model's head as well
            history = train_on_corpus(
                reader,
                torch.nn.ModuleList(parts),
                data,
                loss,
                config,
                context,
                masking=masking,
                corruption=corruption,
                special=SpecialTokens(self.tokenizer),
                dropout=dropout,
                own_dropout=train_host,
                precision=self.precision,
            )
        self.histories.append(history)

    def _begin_corpus(self, data: EncodedSet, max_length: int) -> None:
        assert data.tally is not None  # both ways of reading a corpus count
        if not data.items:
            raise nothing_left(data.tally, max_length)
        self.tallies.append(data.tally)


def _not_set_up(how: str, fix: str) -> KpError:
    return KpError("KP745", f"this training was set up {how}", fix)


def train_on_task(
    model: Any,
    module: torch.nn.Module,
    task: Task,
    data: tuple[EncodedSet, EncodedSet],
    config: TrainConfig,
    context: Context,
    *,
    label: str,
    dropout: float | None = None,
    precision: str = "fp32",
    own_dropout: bool = False,
    attachment: Attachment | None = None,
) -> History:
    """Train ``module`` (the model itself, or what is attached to it) by the task's loss.

    Args:
        model: what is called.
        module: whose parameters are trained.
        task: gives loss, decisions and metric.
        data: training and dev examples.
        config: the loop's options; a batch is divided by length, the mean loss is over examples.
        context: seed, device, progress.
        label: shown by the progress bar.
        dropout: the host's dropout; None is evaluation mode.
        precision: ``fp32`` or ``bf16``.
        own_dropout: train the model with the dropout its own configuration names.
        attachment: what is attached to the frozen model; tells which parts of the host need not be
            computed.
    """
    train, dev = data
    classify = _classifier(model, task, data, context, attachment)

    def loss(indices: Sequence[int]) -> torch.Tensor:
        targets = [train.targets[i] for i in indices]
        if own_dropout:
            model.train()
            return task.loss(classify(train, indices), targets)
        with host_dropout(model, dropout):
            return task.loss(classify(train, indices), targets)

    def batches(epoch: int) -> Sequence[Sequence[int]]:
        return train.batches(config.batch_size, context.seed, epoch)

    def evaluate() -> float:
        logits = predict(model, dev, task, context, partial(classify, dev), label="dev")
        return primary_score(task, logits, dev.targets)

    chosen = evaluate if config.select == "best-dev" else None
    job = Job(module, batches, loss, chosen, label, parts=train.parts if train.each > 1 else None)
    return run_training(job, config, context, precision)


def _classifier(
    model: Any,
    task: Task,
    data: Sequence[EncodedSet],
    context: Context,
    attachment: Attachment | None,
) -> Callable[[EncodedSet, Sequence[int]], torch.Tensor]:
    """Return what is read of some examples of a set, computing no more than that takes."""
    sites = attachment.sites if attachment else {"layer"}
    if attachment and sites == {"logits"}:
        # The bare host's answers never change.
        bare = {
            id(own): torch.from_numpy(predict(model, own.bare(), task, context)) for own in data
        }

        def looked_up(own: EncodedSet, indices: Sequence[int]) -> torch.Tensor:
            batch = own.batch(indices).to(context.device)
            logits = bare[id(own)][list(indices)].to(context.device)
            flat = logits if own.each == 1 else logits.flatten(0, 1)
            return own.grouped(attachment.on_logits(flat, batch.inputs.get(ENTITIES)))

        return looked_up
    probe = None if "layer" in sites else data[0].first(PROBED).to(context.device)
    read = reading(model, task, probe)

    def computed(own: EncodedSet, indices: Sequence[int]) -> torch.Tensor:
        return own.grouped(read(own.batch(indices).to(context.device)))

    return computed


def primary_score(task: Task, logits: Any, targets: Sequence[Any]) -> float:
    """Return the primary metric after calibrating on the same examples (dev)."""
    decisions = task.decide(logits, task.calibrate(logits, targets))
    sums = task.statistics(decisions, targets).sum(0)
    return float(task.score(sums)[task.metrics[0]])
