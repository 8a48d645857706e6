"""An injector's training on tiny data, as a run does it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from kpframework.api.context import Context
from kpframework.api.text import Mention, Segment
from kpframework.inject.attachment import Attachment
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.inject.plug import plug
from kpframework.testing.conformance.subject import Subject
from kpframework.testing.conformance.world import (
    entity_table,
    fresh_model,
    knowledge_base,
    tokenizer,
)
from kpframework.testing.knowledge import TinyAdaptation, TinyTask
from kpframework.testing.project import entity_name
from kpframework.train.data import EncodedSet, encode_examples
from kpframework.train.masked_lm import masked_items
from kpframework.train.session import Session

PASSAGES = 12


def fit(subject: Subject) -> dict[str, Any]:
    """Train once; return the tensors, what was made, and what became of the host."""
    injector = subject.create()
    stage = injector.stage
    language = stage == "general"
    architecture = "bert-masked-lm" if language else "bert-classifier"
    model = freeze(fresh_model(architecture))
    own = tokenizer(architecture)
    attachment = Attachment(model)
    if injector.needs_kb:
        injector.prepare(knowledge_base())
    table = entity_table() if injector.needs_entities else None
    knowledge = plug(attachment, "knowledge", injector, table)
    context = Context(seed=0, scratch=subject.world.new_scratch())
    session = Session(attachment, knowledge, own, context)
    if injector.trains_host:
        session.adaptation = TinyAdaptation()
    if injector.corpus:
        session.passages = _passages()
        session.corpus_length = injector.corpus_length
        if language and knowledge.module is not None:
            segments, mentions = zip(*session.passages, strict=True)
            session.corpus_data = masked_items(
                own, segments, mentions, knowledge, session.corpus_length
            )
        if not language:
            session.language_model = fresh_model("bert-masked-lm")
    if stage == "task":
        session.task_data = _task_data(own, knowledge)
    before = _facts(model)
    if stage != "none":
        with torch.enable_grad():
            injector.fit(session)
    after = _facts(model)
    module = knowledge.module
    state = {} if module is None else dict(module.state_dict())
    return {
        "state": {name: tensor.detach().clone() for name, tensor in state.items()},
        "made": None if session.made is None else [list(session.made.ids), session.made.vectors],
        "before": before,
        "after": after,
        "stage": stage,
    }


def _facts(model: torch.nn.Module) -> dict[str, Any]:
    return {
        "fingerprint": fingerprint(model),
        "gradients": [name for name, p in model.named_parameters() if p.grad is not None],
        "trainable": [name for name, p in model.named_parameters() if p.requires_grad],
        "training": [name for name, module in model.named_modules() if module.training],
    }


def _passages() -> list[tuple[Segment, list[Mention]]]:
    found = []
    for i in range(PASSAGES):
        one, other = entity_name(i), entity_name(i + 1)
        text = f"The {one} has a long {other} and fingers."
        starts = (text.index(one), text.rindex(other))
        mentions = [
            Mention(start, start + len(name), f"E{i + k}")
            for k, (start, name) in enumerate(zip(starts, (one, other), strict=True))
        ]
        found.append((Segment(text), mentions))
    return found


def _task_data(own: Any, knowledge: Any) -> tuple[TinyTask, EncodedSet, EncodedSet]:
    task = TinyTask()
    task.context = replace(task.context, tokenizer=lambda: own)
    sets = []
    for split in ("train", "dev"):
        examples = list(task.examples(split))
        linked = [[list(s.mentions) for s in example.segments] for example in examples]
        sets.append(encode_examples(own, task.max_length, examples, linked, knowledge))
    return task, sets[0], sets[1]
