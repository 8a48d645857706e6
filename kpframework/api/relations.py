"""Relation instances: a text with a head and a tail, in the layouts data sets are published in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kpframework.api.records import malformed_record, record_field, record_id, record_span
from kpframework.api.text import Insertion, Literal, Mention


@dataclass(frozen=True)
class RelationInstance:
    """A text whose head and tail stand in a relation."""

    text: str
    head: Mention
    """Of the role ``head``."""
    tail: Mention
    """Of the role ``tail``."""
    relation: str


def relation_instance(value: dict[str, Any], where: str) -> RelationInstance:
    """Return the instance a record holds.

    Three layouts are recognised: character spans (``text``, ``head``, ``tail``, ``label``), tokens
    as in Wiki80 (``token``, ``h``, ``t``, ``relation``), and FewRel's (``tokens``, ``h``, ``t``).
    The text of tokens is the tokens joined by one space each.

    Args:
        value: the record, as `read_records` yields it.
        where: its place.

    Raises:
        KpError: KP620, the record is malformed.
    """
    return _tokens(value, where) if "h" in value else _plain(value, where)


def marker_edits(mention: Mention, word: str) -> tuple[Insertion, ...]:
    """Return the edits that put a word before and after a mention; none for an empty word."""
    if not word:
        return ()
    pieces = (Literal(word),)
    return (
        Insertion(mention.start, pieces, "before", rank=0),
        Insertion(mention.end, pieces, "after", rank=0),
    )


def _plain(value: dict[str, Any], where: str) -> RelationInstance:
    text = record_field(value, "text", str, where)
    ends = []
    for role in ("head", "tail"):
        end = record_field(value, role, dict, where)
        entity = record_id(end.get("entity"), where)
        ends.append(Mention(*record_span(end, text, where), entity, role=role))
    return RelationInstance(text, ends[0], ends[1], record_field(value, "label", str, where))


def _tokens(value: dict[str, Any], where: str) -> RelationInstance:
    tokens = record_field(value, "token" if "token" in value else "tokens", list, where)
    if not all(type(token) is str for token in tokens):
        raise malformed_record(where, "a token is not a string")
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token) + 1)
    text = " ".join(tokens)
    ends = []
    for role, key in (("head", "h"), ("tail", "t")):
        entity, first, last = _place(value.get(key), key, where)
        if not 0 <= first < last <= len(tokens):
            raise malformed_record(where, f"tokens {first}:{last} of {key!r} are not in the text")
        start, end = starts[first], starts[last] - 1
        inner = text[start:end].strip()
        if not inner:
            raise malformed_record(
                where, f"the tokens {first}:{last} of {key!r} hold only white space"
            )
        start = text.index(inner, start)
        ends.append(Mention(start, start + len(inner), entity, role=role))
    return RelationInstance(text, ends[0], ends[1], record_field(value, "relation", str, where))


def _place(end: Any, key: str, where: str) -> tuple[str, int, int]:
    """Return entity id, first token and the token after the last, of either way to write an end."""
    try:
        if isinstance(end, dict):
            first, last = end["pos"]
            return record_id(end.get("id"), where), int(first), int(last)
        _name, entity, places = end
        indices: Sequence[int] = places[0]
        return record_id(entity, where), int(indices[0]), int(indices[-1]) + 1
    except (TypeError, ValueError, KeyError, IndexError):
        raise malformed_record(
            where,
            f"{key!r} is neither {{'id': …, 'pos': [first, after last]}} "
            "nor [name, id, [[token indices]]]",
        ) from None
