"""Test examples whose answer a row changed, with what of the knowledge the host was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kpframework.api.task import Task
from kpframework.api.text import Example, Mention

SHOWN = 12
"""Changed examples shown for a row and an outcome."""


@dataclass(frozen=True)
class Answered:
    """A test example with the mentions that were linked in it, and two answers."""

    example: Example
    linked: Sequence[Sequence[Mention]]
    """By segment."""
    states: Sequence[Sequence[str]]
    """Of each mention whether it reached the host (`kpframework.run.steps.reached`)."""
    now: Any
    before: Any


def changed_answers(
    answered: Iterable[Answered], task: Task, name_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    """Return examples that are answered otherwise than before, at most `SHOWN` of each outcome.

    Args:
        answered: the test examples of a row, in order.
        task: judges and shows answers.
        name_of: the name of an entity.
    """
    shown: dict[str, int] = {}
    changed = []
    for own in answered:
        example, target = own.example, own.example.target
        gain = task.quality(own.now, target) - task.quality(own.before, target)
        outcome = "helped" if gain > 0 else "harmed" if gain < 0 else "changed"
        without, knowing = task.show(own.before, example), task.show(own.now, example)
        if without == knowing or shown.get(outcome, 0) >= SHOWN:
            continue
        shown[outcome] = shown.get(outcome, 0) + 1
        segments = zip(example.segments, own.linked, own.states, strict=True)
        first, *more = (
            {"text": segment.text, "mentions": _mentions(linked, states, name_of)}
            for segment, linked, states in segments
        )
        changed.append(
            {
                "id": example.id,
                **first,
                **({"more": more} if more else {}),
                "gold": task.show(target, example),
                "without": without,
                "with": knowing,
                "outcome": outcome,
            }
        )
    return changed


def _mentions(
    linked: Sequence[Mention], states: Sequence[str], name_of: Callable[[str], str]
) -> list[dict[str, Any]]:
    return [
        {
            "start": mention.start,
            "end": mention.end,
            "entity": mention.entity,
            "name": name_of(mention.entity),
            "role": mention.role,
            "state": state,
        }
        for mention, state in zip(linked, states, strict=True)
    ]
