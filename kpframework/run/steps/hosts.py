"""Steps that make examples, hosts and the masked-LM head."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context
from kpframework.api.text import Example
from kpframework.run.examples_file import read_examples, write_examples
from kpframework.run.step import JSON, StepContext
from kpframework.run.steps.knowledge import component_context, give_tokenizer, task_at_work
from kpframework.spec.resolved import BoundComponent

Action = Callable[[StepContext], Mapping[str, JSON]]


def examples(bound: BoundComponent, splits: Sequence[str], backbone: BoundComponent) -> Action:
    """Return the action that reads some splits of a task, and its labels."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        own = component_context(context)
        task = bound.create(own)
        if task.needs_tokenizer:
            from kpframework.train.hosts import load_tokenizer

            give_tokenizer(task, load_tokenizer(backbone.create(own).folder()))
        (context.output / "labels.json").write_text(json.dumps(list(task.labels)), "utf-8")
        written = {
            split: write_examples(context.output / f"{split}.jsonl", task.examples(split))
            for split in splits
        }
        return {**written, **task.counts()}

    return action


def adapt(
    bound: BoundComponent, backbone: BoundComponent, task_of: BoundComponent, seed: int, run: Any
) -> Action:
    """Return the action that makes a downstream host from a backbone."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        from kpframework.inject.freezing import fingerprint
        from kpframework.train.data import encode_examples
        from kpframework.train.hosts import is_causal
        from kpframework.train.session import train_on_task

        own = component_context(context, seed)
        task = task_at_work(task_of, own, context.inputs["examples"])
        examples = {
            split: list(read_examples(context.inputs["examples"] / f"{split}.jsonl"))
            for split in ("train", "dev")
        }
        adaptation = bound.create(own)
        model, tokenizer, facts = new_host(adaptation, backbone, task, examples["train"], own)
        give_tokenizer(task, tokenizer)
        causal = is_causal(model)
        train, dev = (
            encode_examples(tokenizer, task.max_length, own_examples, causal=causal)
            for own_examples in examples.values()
        )
        history = train_on_task(
            model,
            model,
            task,
            (train, dev),
            adaptation.train,
            own,
            label="adapting the host",
            precision=run.precision,
            own_dropout=True,
        )
        adaptation.save(model, context.output)
        tokenizer.save_pretrained(context.output)
        return {
            **facts,
            "fingerprint": fingerprint(model),
            "loss": history.loss,
            "dev": history.dev,
            "kept": history.kept,
            "trained": sum(p.numel() for p in model.parameters() if p.requires_grad),
        }

    return action


def new_host(
    adaptation: Any,
    backbone: BoundComponent,
    task: Any,
    examples: Sequence[Example],
    context: Context,
) -> tuple[Any, Any, Mapping[str, JSON]]:
    """Return a backbone with a task's head, prepared to be trained on it.

    Returns:
        The model, its tokenizer, and what the record says of a language model's head.
    """
    from kpframework.train.hosts import (
        LANGUAGE_MODEL,
        load_model,
        load_tokenizer,
        padded_by,
        start_at_prior,
    )

    folder = backbone.create(context).folder()
    model, new = load_model(folder, task.head, len(task.labels), context.seed)
    tokenizer = load_tokenizer(folder)
    padded_by(model, tokenizer)
    facts: Mapping[str, JSON] = {}
    if task.head == LANGUAGE_MODEL:
        facts = _language_model_head(model, tokenizer, new, task, examples)
    else:
        names = dict(enumerate(task.labels))
        model.config.id2label, model.config.label2id = names, {v: k for k, v in names.items()}
    if (prior := task.prior([example.target for example in examples])) is not None:
        start_at_prior(model, prior)
    return adaptation.prepare(model, new).to(context.device), tokenizer, facts


def _language_model_head(
    model: Any, tokenizer: Any, new: Sequence[str], task: Any, examples: Sequence[Example]
) -> Mapping[str, JSON]:
    """Start the bias of a new head at how often each token is to be named in training.

    Returns:
        Whether the ``lm_head`` was the backbone's ``own`` or is ``new``, and where a new one's
        bias starts.
    """
    import numpy as np

    from kpframework.train.data import encode_examples
    from kpframework.train.hosts import is_causal
    from kpframework.train.lm_head import start_at_frequencies

    base = {id(parameter) for parameter in model.base_model.parameters()}
    head = {
        name
        for name, parameter in model.named_parameters(remove_duplicate=False)
        if id(parameter) not in base
    }
    if not head & set(new):
        return {"lm_head": "own"}
    data = encode_examples(tokenizer, task.max_length, examples, causal=is_causal(model))
    tokens = [token for item in data.items for _, token in item.targets]
    counts = np.bincount(np.array(tokens, dtype=np.int64), minlength=model.config.vocab_size)
    started = start_at_frequencies(model, counts)
    return {"lm_head": "new", "lm_head_bias": "answer frequencies" if started else None}


def masked_lm(backbone: BoundComponent, config: TrainConfig, seed: int) -> Action:
    """Return the action that gives a masked LM: the backbone's own, or with a fitted head."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        from kpframework.inject.freezing import fingerprint
        from kpframework.train.hosts import load_model, load_tokenizer
        from kpframework.train.lm_head import fit_head

        own = component_context(context, seed)
        folder = backbone.create(own).folder()
        tokenizer = load_tokenizer(folder)
        model, missing = load_model(folder, "masked-lm", seed=seed)
        facts: dict[str, JSON] = {"mlm_head": "own"}
        if missing:
            passages = read_examples(context.inputs["corpus"] / "passages.jsonl")
            texts = [passage.segments[0].text for passage in passages]
            base = fingerprint(model.base_model)
            history, quality = fit_head(model.to(own.device), tokenizer, texts, config, own)
            facts = {
                "mlm_head": "fitted",
                "missing": missing,
                "encoder_unchanged": base == fingerprint(model.base_model),
                "loss": history.loss,
                **quality,
            }
        model.save_pretrained(context.output)
        tokenizer.save_pretrained(context.output)
        return {**facts, "fingerprint": fingerprint(model)}

    return action


def load_host(
    folder: Path,
    adaptation: BoundComponent | None,
    backbone: BoundComponent,
    task: Any,
    context: Any,
) -> tuple[Any, Any]:
    """Return (model, tokenizer) of a host step's folder, or of a user's checkpoint folder."""
    from kpframework.inject.freezing import freeze
    from kpframework.train.hosts import load_checkpoint, load_model, load_tokenizer, padded_by

    labels = list(task.labels)
    if adaptation is None:
        model = load_checkpoint(folder, task.head, labels)
    else:

        def load(own: Path | None) -> Any:
            return load_model(own or backbone.create(context).folder(), task.head, len(labels))[0]

        model = adaptation.create(context).load(folder, load)
    tokenizer = load_tokenizer(folder)
    return freeze(padded_by(model, tokenizer)).to(context.device), tokenizer
