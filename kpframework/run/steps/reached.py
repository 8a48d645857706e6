"""What of the knowledge reached the host: counted over inputs, and mention by mention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kpframework.api.text import Example, Mention
from kpframework.run.step import JSON

REACHED_FILE = "mentions.json"
"""Beside a row's decisions: `mention_states` of the test examples."""


def truncation(items: Sequence[Any], plain: Sequence[Any]) -> dict[str, JSON]:
    """Count what ``max_length`` took of inputs, and what knowledge took of them.

    Args:
        items: encoded inputs of a row.
        plain: the same inputs without knowledge.
    """
    pairs = list(zip(items, plain, strict=True))
    asking = [own for own in items if own.wanted]
    return {
        "inputs": len(items),
        "cut": sum(own.dropped > 0 for own in items),
        "cut_without_knowledge": sum(own.dropped > 0 for own in plain),
        "displaced_tokens": sum(max(0, own.dropped - bare.dropped) for own, bare in pairs),
        "knowledge": {
            "inputs": len(asking),
            "inputs_left_without": sum(not own.kept for own in asking),
            "wanted": sum(own.wanted for own in asking),
            "kept": sum(own.kept for own in asking),
        },
    }


def input_overhead(items: Sequence[Any]) -> float:
    """Return how many positions knowledge adds to an input, on average."""
    added: int = sum(own.added for own in items)
    return added / max(1, len(items))


def mention_states(
    examples: Sequence[Example],
    linked: Sequence[Sequence[Sequence[Mention]]],
    knowledge: Any,
    items: Sequence[Any],
) -> list[list[list[str]]]:
    """Tell of every linked mention, by example and segment, whether the host was shown it.

    ``reached``; ``no vector``; ``cut off``, truncation took what was asked for; ``unused``, the
    injector asked for nothing. A mention has reached the host where any input of the example holds
    a slot or a mark of its entity, or, of an injector that writes text, any of its text.

    Args:
        examples: in order.
        linked: their linked mentions.
        knowledge: what is attached.
        items: their encoded inputs, those of an example one after the other.
    """
    writes_text = not any(own.entities for own in items)
    each = len(items) // max(1, len(examples))
    found = []
    for number, (example, segments) in enumerate(zip(examples, linked, strict=True)):
        inputs = example.inputs or (range(len(segments)),)
        own = items[number * each : (number + 1) * each]
        states = []
        for index, mentions in enumerate(segments):
            holding = [item for item, of in zip(own, inputs, strict=True) if index in of]
            entities = {entity for item in holding for _, _, entity in item.entities}
            text = writes_text and any(item.kept for item in holding)
            lost = any(item.kept < item.wanted for item in holding)
            usable = set(knowledge.usable(mentions))
            states.append([_state(m, usable, entities, text, lost) for m in mentions])
        found.append(states)
    return found


def _state(
    mention: Mention, usable: set[Mention], entities: set[str], text: bool, lost: bool
) -> str:
    if mention not in usable:
        return "no vector"
    if text or mention.entity in entities:
        return "reached"
    return "cut off" if lost else "unused"


def coverage(
    examples: Sequence[Example],
    linked: Sequence[Sequence[Sequence[Mention]]] | None,
    knowledge: Any,
) -> Mapping[str, JSON] | None:
    """Count the task's own mentions, those linked, and those whose entity has a vector.

    ``ends`` holds for each example how many of its own mentions have a vector, and out of how many;
    of an example with several inputs, of those in its first segment, which it is about.
    """
    if linked is None or knowledge is None:
        return None
    mentions = hits = vectors = 0
    ends = []
    for example, segments in zip(examples, linked, strict=True):
        # A text that several inputs have in common is one text.
        pairs = zip(example.segments, segments, strict=True)
        once = {(s.text, s.mentions): (s, links) for s, links in pairs}.values()
        own = sum(bool(m.role) for s, _ in once for m in s.mentions)
        found = [m for _, links in once for m in links if m.role]
        usable = len(knowledge.usable(found))
        mentions, hits, vectors = mentions + own, hits + len(found), vectors + usable
        if example.inputs:
            own = sum(bool(m.role) for m in example.segments[0].mentions)
            usable = len(knowledge.usable([m for m in segments[0] if m.role]))
        ends.append([usable, own])
    return {"mentions": mentions, "linked": hits, "with_vector": vectors, "ends": ends}
