"""Name-value lists of the page: knowledge, backbone, tasks, environment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kpframework.report import numbers
from kpframework.report.model import KnowledgeInfo, Results, TaskInfo
from kpframework.report.notes import leakage
from kpframework.safe import safe_line, safe_text

_MOST_FACTS = 200
_VALUE_LIMIT = 400
# Years stay as they are written.
_GROUPED_FROM = 10_000
_SPLITS = ("train", "dev", "test")
_HEADS = {"own": "its own", "fitted": "fitted by the framework"}

Facts = list[tuple[str, str]]


@dataclass(frozen=True)
class Card:
    """A heading with facts in groups."""

    heading: str
    groups: tuple[tuple[str, Facts], ...]


def facts_of(value: Mapping[str, Any]) -> Facts:
    """Return nested mappings as dotted names with values in words."""
    found: Facts = []
    for name, item in _leaves(value, ""):
        if len(found) == _MOST_FACTS:
            found.append(("…", "the rest is in results.json"))
            break
        found.append((safe_line(name, 120), _shown(item)))
    return found


def _leaves(value: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping) and item:
            yield from _leaves(item, f"{name}.")
        else:
            yield name, item


def _shown(item: Any) -> str:
    if item is None or item in ({}, [], ""):
        return numbers.DASH
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, list):
        return safe_line(", ".join(map(str, item)), _VALUE_LIMIT)
    if numbers.is_number(item):
        if isinstance(item, int):
            return numbers.count(item) if abs(item) >= _GROUPED_FROM else str(item)
        return f"{item:.4g}"
    return safe_line(item, _VALUE_LIMIT)


def knowledge_cards(results: Results) -> list[Card]:
    """Return each knowledge base with its exclusion, embeddings and linker."""
    return [_knowledge_card(knowledge) for knowledge in results.get("knowledge") or ()]


def _knowledge_card(knowledge: KnowledgeInfo) -> Card:
    embeddings = dict(knowledge.get("embeddings") or {})
    metrics = embeddings.pop("metrics", None)
    groups = [("Knowledge base", _in_words(knowledge["kb"]))]
    if embeddings:
        groups.append(("Embeddings", _in_words(embeddings)))
    if isinstance(metrics, Mapping) and metrics:
        groups.append(("Link prediction", _in_words(metrics)))
    linker = dict(knowledge.get("linker") or {})
    statistics = linker.pop("statistics", None)
    if linker or statistics:
        counted = statistics if isinstance(statistics, Mapping) else {}
        groups.append(("Linker", _in_words({**linker, **counted})))
    only: Results = {"name": "", "seeds": [], "tasks": [], "rows": [], "knowledge": [knowledge]}
    _, _, control = leakage(only)[0].partition(": ")
    groups.append(("Leakage", [("control", control)]))
    return Card(safe_line(knowledge["id"]), tuple(groups))


def _in_words(value: Mapping[str, Any]) -> Facts:
    """Return facts whose names may break between words."""
    return [(name.replace("_", " "), shown) for name, shown in facts_of(value)]


def task_cards(results: Results) -> list[Card]:
    """Return each task with its sizes."""
    return [_task_card(task) for task in results["tasks"]]


def _task_card(task: TaskInfo) -> Card:
    facts = [("type", safe_line(task["type"]))]
    facts.append(("metrics", ", ".join(safe_line(numbers.metric_name(m)) for m in task["metrics"])))
    if task.get("labels"):
        facts.append(("labels", numbers.count(task["labels"])))
    facts += [
        (f"{safe_line(name)} examples" if name in _SPLITS else safe_line(name), numbers.count(size))
        for name, size in sorted(task.get("counts", {}).items(), key=_split_order)
    ]
    return Card(safe_line(task["id"]), (("", facts),))


def _split_order(item: tuple[str, int]) -> tuple[int, str]:
    return (_SPLITS.index(item[0]) if item[0] in _SPLITS else len(_SPLITS), item[0])


def backbone_facts(results: Results) -> Facts:
    """Return the backbone's name, revision, licence, fingerprint and MLM head."""
    facts = dict(results.get("backbone") or {})
    head = facts.pop("mlm_head", None)
    shown = facts_of(facts)
    return [*shown, ("MLM head", _HEADS.get(str(head), safe_line(head)))] if head else shown


def created(results: Results) -> str:
    """Return when the run ended, in words where it is a date."""
    text = results.get("created") or ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return safe_line(text)
    return safe_line(f"{moment:%Y-%m-%d %H:%M} {moment.tzname() or ''}")


def lock_text(results: Results) -> str:
    """Return the lock as indented JSON."""
    lock = results.get("lock")
    return safe_text(json.dumps(lock, indent=2, ensure_ascii=False)) if lock else ""
