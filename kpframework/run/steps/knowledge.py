"""Steps that read knowledge bases, train or read entity vectors, and link texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from kpframework.api.context import Context
from kpframework.api.documents import read_documents
from kpframework.api.text import Example, Mention, Segment
from kpframework.errors import Problem
from kpframework.kb.exclusion import Pair, count_joined, exclude_triples
from kpframework.kb.store import build_store, open_store
from kpframework.kb.table import EntityTable, write_table
from kpframework.run.examples_file import read_examples, write_examples, write_mentions
from kpframework.run.step import JSON, StepContext
from kpframework.spec.models import CorpusSection, Exclusion
from kpframework.spec.resolved import BoundComponent

LINK_BATCH = 256
SHOWN = 5
"""Misplaced annotations of a corpus that the record names; all are counted."""


def component_context(context: StepContext, seed: int = 0) -> Context:
    """Return what a component is constructed with inside a step."""
    return Context(
        seed=seed, scratch=context.scratch, device=context.device, progress=context.progress
    )


def task_at_work(bound: BoundComponent, context: Context, examples: Path) -> Any:
    """Return a task that knows its labels from the step that read its examples."""
    labels = json.loads((examples / "labels.json").read_text("utf-8"))
    return bound.create(replace(context, labels=tuple(labels)))


def give_tokenizer(task: Any, tokenizer: Any) -> None:
    """Let a task know its host's tokenizer."""
    task.context = replace(task.context, tokenizer=lambda: tokenizer)


def read_kb(bound: BoundComponent, name: str) -> Callable[[StepContext], Mapping[str, JSON]]:
    """Return the action that streams a knowledge base into its store."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        own = component_context(context)
        store = build_store(bound.create(own), context.output, name, own)
        return {**store.metadata, **store.counts}

    return action


def exclude(section: Exclusion) -> Callable[[StepContext], Mapping[str, JSON]]:
    """Return the action that drops the triples a task's instances would leak through."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        store = open_store(context.inputs["kb"])
        labels = json.loads((context.inputs["examples"] / "labels.json").read_text("utf-8"))
        found: dict[str, list[Pair]] = {}
        for split in section.splits:
            folder = context.inputs["test" if split == "test" else "examples"]
            found[split] = instances(read_examples(folder / f"{split}.jsonl"), labels)
        kept = exclude_triples(
            store,
            found,
            context.output,
            match=section.match,
            relations=section.relations,
            labels=section.labels,
        )
        return {**kept.metadata, **kept.counts}

    return action


def count_leaks(context: StepContext) -> Mapping[str, JSON]:
    """Count the test instances whose two ends a triple joins that rows may use."""
    store = open_store(context.inputs["kb"])
    return count_joined(store, instances(read_examples(context.inputs["test"] / "test.jsonl"), ()))


def instances(examples: Iterable[Example], labels: Sequence[str]) -> list[Pair]:
    """Return (head, tail, relation) of each instance: its first two entities with a role.

    An example of several inputs, such as a query with its supports, holds an instance a segment;
    those come once, however many examples share them. ``info["relations"]`` names their relations.
    An example whose answer is no mention of its text names what it asks about itself, as
    ``info["triples"]``: lists of head, relation and tail (`Example.info`).
    """
    alone: list[Pair] = []
    shared: dict[Pair, None] = {}
    for example in examples:
        info = example.info
        if "triples" in info:
            alone += [(head, tail, relation) for head, relation, tail in info["triples"]]
            continue
        if not example.inputs:
            entities = [m.entity for s in example.segments for m in s.mentions if m.role]
            target = example.target if isinstance(example.target, int) else -1
            label = labels[target] if 0 <= target < len(labels) else ""
            alone.append(_pair(entities, info.get("relation", label)))
            continue
        relations = info.get("relations") or [info.get("relation", "")] * len(example.segments)
        for segment, relation in zip(example.segments, relations, strict=True):
            shared[_pair([m.entity for m in segment.mentions if m.role], relation)] = None
    return [*alone, *shared]


def _pair(entities: Sequence[str], relation: Any) -> Pair:
    head, tail = (*entities, "", "")[:2]
    return head, tail, str(relation)


def embed(
    bound: BoundComponent, seed: int, dtype: Literal["float16", "float32"] | None = None
) -> Callable[[StepContext], Mapping[str, JSON]]:
    """Return the action that computes entity vectors into a table."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        component = bound.create(component_context(context, seed))
        made = component.compute(open_store(context.inputs["kb"]))
        return table_facts(write_table(context.output, made, dtype))

    return action


def control_table(control: str, seed: int) -> Callable[[StepContext], Mapping[str, JSON]]:
    """Return the action that permutes or redraws a table's vectors."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        table = EntityTable.open(context.inputs["table"])
        make = table.shuffled if control == "shuffled" else table.random
        return table_facts(make(context.output, seed))

    return action


def table_facts(table: EntityTable) -> Mapping[str, JSON]:
    """Return what the record says of entity vectors."""
    return {
        "dim": table.dim,
        "rows": len(table),
        "sha256": table.sha256,
        "metrics": dict(table.metrics),
    }


def link(
    bound: BoundComponent, splits: Sequence[str]
) -> Callable[[StepContext], Mapping[str, JSON]]:
    """Return the action that links the examples of some splits."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        linker = bound.create(component_context(context))
        linker.prepare(open_store(context.inputs["kb"]))
        facts: dict[str, JSON] = {}
        for split in splits:
            examples = list(read_examples(context.inputs["examples"] / f"{split}.jsonl"))
            # Examples of an episode share their supports.
            segments = list(dict.fromkeys(s for e in examples for s in e.segments))
            linked = dict(zip(segments, _link_all(linker, segments, context), strict=True))
            found = [[linked[segment] for segment in example.segments] for example in examples]
            write_mentions(context.output / f"{split}.jsonl", found)
            facts[split] = {"mentions": sum(len(own) for example in found for own in example)}
        facts["statistics"] = dict(linker.statistics())
        return facts

    return action


def corpus(
    section: CorpusSection, linker_of: BoundComponent
) -> Callable[[StepContext], Mapping[str, JSON]]:
    """Return the action that collects running text and links it."""

    def action(context: StepContext) -> Mapping[str, JSON]:
        store = open_store(context.inputs["kb"])
        misplaced: list[Problem] = []
        passages = list(islice(_passages(section, context, misplaced), section.limit))
        linker = linker_of.create(component_context(context))
        linker.prepare(store)
        linked = _link_all(linker, passages, context)
        examples = (Example(str(i), (s,), None) for i, s in enumerate(passages))
        write_examples(context.output / "passages.jsonl", examples)
        write_mentions(context.output / "mentions.jsonl", ([m] for m in linked))
        facts: dict[str, JSON] = {"passages": len(passages), "mentions": sum(map(len, linked))}
        facts["statistics"] = dict(linker.statistics())
        if misplaced:
            facts["misplaced_annotations"] = len(misplaced)
            facts["misplaced"] = [f"{p.where}: {p.message}" for p in misplaced[:SHOWN]]
        return facts

    return action


def _link_all(
    linker: Any, segments: Sequence[Segment], context: StepContext
) -> list[list[Mention]]:
    linked: list[list[Mention]] = []
    with context.progress("linking", len(segments)) as advance:
        for start in range(0, len(segments), LINK_BATCH):
            batch = segments[start : start + LINK_BATCH]
            linked += linker.link(batch)
            advance(len(batch))
    return linked


def _passages(
    section: CorpusSection, context: StepContext, misplaced: list[Problem]
) -> Iterable[Segment]:
    if section.kb is not None:
        source = open_store(context.inputs["source"])
        for entity in source.entities():
            if entity.description:
                yield Segment(entity.description)
    elif section.task is not None:
        seen: set[Segment] = set()
        for example in read_examples(context.inputs["source"] / "train.jsonl"):
            for segment in example.segments:
                if example.inputs:
                    if segment in seen:
                        continue
                    seen.add(segment)
                yield Segment(segment.text, segment.mentions)
    else:
        documents = read_documents(section.path or "", report=misplaced.append)
        yield from (document.segment() for document in documents)
