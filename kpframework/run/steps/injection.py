"""Steps that train a knowledge plugin and evaluate a row."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kpframework.api.context import Context
from kpframework.api.text import Example, Mention, Segment
from kpframework.kb.store import open_store
from kpframework.kb.table import EntityTable, write_table
from kpframework.run.examples_file import read_examples, read_mentions
from kpframework.run.memory import with_peak_memory
from kpframework.run.step import JSON, StepContext
from kpframework.run.steps.hosts import load_host, new_host
from kpframework.run.steps.knowledge import component_context, table_facts, task_at_work
from kpframework.run.steps.reached import (
    REACHED_FILE,
    coverage,
    input_overhead,
    mention_states,
    truncation,
)
from kpframework.spec.resolved import BoundComponent

Action = Callable[[StepContext], Mapping[str, JSON]]
Linked = list[list[list[Mention]]]
ANSWERED = 2
"""Part of an evaluation's key: raised when what its facts or its files say changes."""
OWN_HOST = "host"
"""Where a row that trains its host keeps it."""
KEPT_OUTPUTS = 1000
"""Most outputs an example for which its logits are kept beside the decisions: labels and candidates
are few, the words of a vocabulary are not."""
OWN_ENTITIES = "entities"
"""Where a row that makes its entity vectors keeps them."""


@dataclass(frozen=True)
class RowParts:
    """The components of one row of the table."""

    injector: BoundComponent
    task: BoundComponent
    backbone: BoundComponent
    adaptation: BoundComponent | None
    checkpoint: Path | None
    seed: int
    precision: str = "fp32"


def train(parts: RowParts) -> Action:
    """Return the action that trains an injector's module.

    The host's fingerprint must not move, unless the injector trains the host: then the host is made
    here, and kept beside the module.
    """

    def action(context: StepContext) -> Mapping[str, JSON]:
        from kpframework.artifact.digests import vocabulary_digest
        from kpframework.inject.freezing import fingerprint
        from kpframework.inject.plug import save_module
        from kpframework.train.hosts import load_model

        start = time.perf_counter()
        row, injector = row_at_work(parts, context, None, context.inputs.get("init"))
        before = fingerprint(row.model)
        session = row.session(parts.precision)
        if injector.trains_host:
            session.adaptation = _adaptation(parts, row.context)
        if "corpus" in context.inputs:
            session.passages = _passages(context.inputs["corpus"])
            session.corpus_length = injector.corpus_length
            if "mlm" in context.inputs and row.module is not None:
                session.corpus_data = row.masked_items(session.passages, session.corpus_length)
        if "lm" in context.inputs:
            session.language_model = load_model(context.inputs["lm"], "masked-lm")[0]
        if injector.stage == "task":
            examples, links = context.inputs["examples"], context.inputs["links"]
            train_set, dev = (row.encode(*_split(examples, links, s)) for s in ("train", "dev"))
            session.task_data = (row.task, train_set, dev)
        injector.fit(session)
        after = fingerprint(row.model)
        parameters = 0
        if row.module is not None:
            parameters = sum(p.numel() for p in row.module.parameters() if p.requires_grad)
        save_module(row.module, context.output)
        if session.adaptation is not None:
            parameters += sum(p.numel() for p in row.model.parameters() if p.requires_grad)
            session.adaptation.save(row.model, context.output / OWN_HOST)
            row.tokenizer.save_pretrained(context.output / OWN_HOST)
        made: dict[str, JSON] = {}
        if session.made is not None:
            own = context.output / OWN_ENTITIES
            own.mkdir()
            made["entities"] = table_facts(write_table(own, session.made))
        return {
            **made,
            "parameters": parameters,
            "seconds": time.perf_counter()
            - start
            + sum(history.earlier_seconds for history in session.histories),
            "fingerprint": {"before": before, "after": after, "unchanged": before == after},
            "host": {
                "model_type": row.model.config.model_type,
                "width": row.attachment.handle("knowledge").width,
                "vocabulary": vocabulary_digest(row.tokenizer),
            },
            "histories": [vars(history) for history in session.histories],
            "data": [{**vars(tally), "kept": tally.kept} for tally in session.tallies],
            "notes": session.notes,
        }

    return with_peak_memory(action)


def evaluate(parts: RowParts) -> Action:
    """Return the action that calibrates a row on dev and, once, answers the test examples."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        import numpy as np

        from kpframework.inject.freezing import fingerprint
        from kpframework.run.steps.space import entity_space
        from kpframework.train.data import predict

        row, _ = row_at_work(parts, context, context.inputs.get("train"))
        before = fingerprint(row.model)
        dev = row.encode(*_split(context.inputs["examples"], context.inputs.get("links"), "dev"))
        dev_logits = predict(row.model, dev, row.task, row.context, label="dev")
        calibration = dict(row.task.calibrate(dev_logits, dev.targets))
        dev_decisions = row.task.decide(dev_logits, calibration)
        dev_sums = row.task.statistics(dev_decisions, dev.targets).sum(0)
        examples, linked = _split(context.inputs["test"], context.inputs.get("links-test"), "test")
        start = time.perf_counter()
        test = row.encode(examples, linked)
        logits = predict(row.model, test, row.task, row.context, label="test")
        seconds = time.perf_counter() - start
        decisions = list(row.task.decide(logits, calibration))
        statistics = row.task.statistics(decisions, test.targets)
        np.save(context.output / "statistics.npy", statistics, allow_pickle=False)
        if logits[:1].size <= KEPT_OUTPUTS:
            np.save(context.output / "logits.npy", logits, allow_pickle=False)
        (context.output / "decisions.json").write_text(json.dumps(decisions), "utf-8")
        if linked is not None and row.knowledge is not None:
            states = mention_states(examples, linked, row.knowledge, test.items)
            (context.output / REACHED_FILE).write_text(json.dumps(states), "utf-8")
        after = fingerprint(row.model)
        plain = row.encode(examples, None)
        sums = statistics.sum(0)
        return {
            "metrics": {name: float(value) for name, value in row.task.score(sums).items()},
            "dev": {name: float(value) for name, value in row.task.score(dev_sums).items()},
            "calibration": calibration,
            "seconds": seconds,
            "ms_per_example": 1000 * seconds / max(1, len(examples)),
            "coverage": coverage(examples, linked, row.knowledge),
            "truncation": truncation(test.items, plain.items),
            "space": entity_space(row, examples, linked),
            "input_overhead": input_overhead(test.items),
            "fingerprint": {"before": before, "after": after, "unchanged": before == after},
        }

    return action


def row_at_work(
    parts: RowParts, context: StepContext, trained: Path | None, init: Path | None = None
) -> tuple[Any, Any]:
    """Return (row, injector) from a step's inputs; ``table`` and ``kb`` as far as they are used.

    Args:
        parts: the row's components.
        context: of the step.
        trained: the folder of the row's own training step; None where it is that step.
        init: the folder of the training step whose tensors the row starts from.
    """
    from kpframework.run.row import Row

    own = component_context(context, parts.seed)
    injector = parts.injector.create(own)
    examples = context.inputs.get("examples")
    task = task_at_work(parts.task, own, examples) if examples else parts.task.create(own)
    host = _host(parts, context, task, trained if injector.trains_host else None, own)
    tables = trained / OWN_ENTITIES if trained and injector.makes_entities else None
    tables = tables or context.inputs.get("table")
    table = EntityTable.open(tables) if tables else None
    kb = open_store(context.inputs["kb"]) if "kb" in context.inputs else None
    return Row(host, task, injector, table, kb, trained or init, own), injector


def _host(
    parts: RowParts, context: StepContext, task: Any, trained: Path | None, own: Context
) -> tuple[Any, Any]:
    """Return (model, tokenizer): what the step's inputs name, the row's own, or the backbone.

    Args:
        parts: the row's components.
        context: of the step.
        task: whose head the host has.
        trained: the training step's folder of a row that trains its host.
        own: what components are constructed with.
    """
    from kpframework.inject.freezing import freeze
    from kpframework.train.hosts import load_model, load_tokenizer

    inputs = context.inputs
    folder = trained / OWN_HOST if trained else parts.checkpoint or inputs.get("host")
    if "mlm" in inputs:
        folder = inputs["mlm"]
        return freeze(load_model(folder, "masked-lm")[0]).to(own.device), load_tokenizer(folder)
    if "examples" not in inputs:
        folder = parts.backbone.create(own).folder()
        return freeze(load_model(folder, "encoder")[0]).to(own.device), load_tokenizer(folder)
    if folder is None:
        examples = list(read_examples(inputs["examples"] / "train.jsonl"))
        return new_host(_adaptation(parts, own), parts.backbone, task, examples, own)[:2]
    return load_host(folder, parts.adaptation, parts.backbone, task, own)


def _adaptation(parts: RowParts, own: Context) -> Any:
    assert parts.adaptation is not None  # else the spec is refused
    return parts.adaptation.create(own)


def _passages(folder: Path) -> list[tuple[Segment, list[Mention]]]:
    passages = read_examples(folder / "passages.jsonl")
    found = read_mentions(folder / "mentions.jsonl")
    return [(own.segments[0], links[0]) for own, links in zip(passages, found, strict=True)]


def _split(examples: Path, links: Path | None, split: str) -> tuple[list[Example], Linked | None]:
    own = list(read_examples(examples / f"{split}.jsonl"))
    return own, None if links is None else list(read_mentions(links / f"{split}.jsonl"))
