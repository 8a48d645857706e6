"""Relation classification between two marked mentions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from kp_plugin_classification.base import ClassificationTask, Record
from kp_plugin_classification.reading import evenly, field, malformed, records, span
from kpframework.api import Mention


class RelationClassification(ClassificationTask):
    """Which relation holds between head and tail.

    Three layouts are recognised: character spans (``text``, ``head``, ``tail``, ``label``), tokens
    as in Wiki80 (``token``, ``h``, ``t``, ``relation``), and FewRel's one object of lists. The text
    of tokens is the tokens joined by one space each.
    """

    roles = ("head", "tail")

    def records(self, split: str) -> Iterator[Record]:
        """Yield the records of a split's file."""
        items = list(records(getattr(self.config.data, split)))
        for where, value in evenly(items, getattr(self.config.limit, split)):
            text, head, tail, label = (
                _tokens(value, where) if "h" in value else _plain(value, where)
            )
            yield Record(
                id=str(value.get("id", where.rpartition(":")[2])),
                segment=self.marked(text, [head, tail]),
                labels=(label,),
                info={m.role: text[m.start : m.end] for m in (head, tail)},
                where=where,
            )


def _plain(value: dict[str, Any], where: str) -> tuple[str, Mention, Mention, str]:
    text = field(value, "text", str, where)
    ends = []
    for role in ("head", "tail"):
        end = field(value, role, dict, where)
        ends.append(Mention(*span(end, text, where), str(end.get("entity") or ""), role=role))
    return text, ends[0], ends[1], field(value, "label", str, where)


def _tokens(value: dict[str, Any], where: str) -> tuple[str, Mention, Mention, str]:
    tokens = field(value, "token" if "token" in value else "tokens", list, where)
    if not all(type(token) is str for token in tokens):
        raise malformed(where, "a token is not a string")
    starts = [0]
    for token in tokens:
        starts.append(starts[-1] + len(token) + 1)
    text = " ".join(tokens)
    ends = []
    for role, key in (("head", "h"), ("tail", "t")):
        entity, first, last = _place(value.get(key), key, where)
        if not 0 <= first < last <= len(tokens):
            raise malformed(where, f"tokens {first}:{last} of {key!r} are not in the text")
        start, end = starts[first], starts[last] - 1
        inner = text[start:end].strip()
        if not inner:
            raise malformed(where, f"the tokens {first}:{last} of {key!r} hold only white space")
        start = text.index(inner, start)
        ends.append(Mention(start, start + len(inner), entity, role=role))
    return text, ends[0], ends[1], field(value, "relation", str, where)


def _place(end: Any, key: str, where: str) -> tuple[str, int, int]:
    """Return entity id, first token and the token after the last, of either way to write an end."""
    try:
        if isinstance(end, dict):
            first, last = end["pos"]
            return str(end.get("id") or ""), int(first), int(last)
        _name, entity, places = end
        indices: Sequence[int] = places[0]
        return str(entity or ""), int(indices[0]), int(indices[-1]) + 1
    except (TypeError, ValueError, KeyError, IndexError):
        raise malformed(
            where,
            f"{key!r} is neither {{'id': …, 'pos': [first, after last]}} "
            "nor [name, id, [[token indices]]]",
        ) from None
