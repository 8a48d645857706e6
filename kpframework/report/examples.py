"""Examples whose answer the injection changed, cut into pieces with their mentions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kpframework.report.model import ExampleShown, MentionShown, Results
from kpframework.safe import safe_line, safe_text

_MOST = 12
_TEXT_LIMIT = 1200
_OUTCOMES = (
    ("helped", "Helped: nearer to the gold answer with knowledge"),
    ("harmed", "Harmed: further from the gold answer with knowledge"),
    ("changed", "Changed: another answer, no nearer and no further"),
)


@dataclass(frozen=True)
class Piece:
    """A stretch of text; ``entity`` is named where it is a mention."""

    text: str
    entity: str = ""
    unseen: bool = False
    """The host was not shown the entity."""


@dataclass(frozen=True)
class Text:
    """A text of an example."""

    pieces: tuple[Piece, ...]
    entities: tuple[tuple[str, str, str], ...]
    """(mention, entity name, entity id, role and what kept it from the host)."""


@dataclass(frozen=True)
class Shown:
    """One example as the page shows it."""

    row: str
    place: str
    text: Text
    more: tuple[Text, ...]
    """The texts after the first."""
    gold: str
    before: str
    after: str


@dataclass(frozen=True)
class Group:
    """Examples of one outcome."""

    outcome: str
    heading: str
    examples: tuple[Shown, ...]
    left_out: int


def example_groups(results: Results) -> list[Group]:
    """Return the examples by outcome; at most a dozen of each, spread over the rows."""
    everything = results.get("examples") or []
    groups = []
    for outcome, heading in _OUTCOMES:
        own = [example for example in everything if example["outcome"] == outcome]
        picked = _spread(own)[:_MOST]
        if picked:
            shown = tuple(_shown(example, results) for example in picked)
            groups.append(Group(outcome, heading, shown, len(own) - len(picked)))
    return groups


def _spread(examples: Sequence[ExampleShown]) -> list[ExampleShown]:
    """Return the first example of each row, then the second of each, and so on."""
    seen: dict[tuple[str, str, str], int] = {}
    ranked = []
    for example in examples:
        key = (example["task"], example["injection"], example.get("host", ""))
        seen[key] = rank = seen.get(key, -1) + 1
        ranked.append((rank, example))
    return [example for _, example in sorted(ranked, key=lambda pair: pair[0])]


def _shown(example: ExampleShown, results: Results) -> Shown:
    row = safe_line(example["injection"])
    if len({r["host"] for r in results["rows"]}) > 1 and example.get("host"):
        row += f" on {safe_line(example['host'])}"
    place = [safe_line(example["task"])] if len(results["tasks"]) > 1 else []
    place += [safe_line(example["id"])] if example.get("id") else []
    place += [f"seed {example['seed']}"] if "seed" in example else []
    return Shown(
        row=row,
        place=", ".join(place),
        text=_text(example["text"], example.get("mentions") or ()),
        more=tuple(_text(own["text"], own["mentions"]) for own in example.get("more") or ()),
        gold=safe_line(example["gold"], 300),
        before=safe_line(example["without"], 300),
        after=safe_line(example["with"], 300),
    )


def _text(text: str, found: Sequence[MentionShown]) -> Text:
    mentions = _apart(found, len(text))
    named = ((safe_line(text[m["start"] : m["end"]], 80), *_naming(m)) for m in mentions)
    return Text(tuple(_pieces(text, mentions)), tuple(dict.fromkeys(named)))


def _unseen(mention: MentionShown) -> bool:
    return mention.get("state", "reached") != "reached"


def _naming(mention: MentionShown) -> tuple[str, str]:
    ident = safe_line(mention["entity"], 80)
    name = safe_line(mention.get("name") or "", 120)
    rest = [ident] if name and name != ident else []
    rest += [safe_line(mention["role"], 40)] if mention.get("role") else []
    if _unseen(mention):
        rest.append(f"not shown to the host: {safe_line(mention.get('state'), 40)}")
    return name or ident or "not linked", ", ".join(rest)


def _apart(mentions: Sequence[MentionShown], length: int) -> list[MentionShown]:
    """Return mentions in order, without those outside the text or over an earlier one."""
    kept: list[MentionShown] = []
    for mention in sorted(mentions, key=lambda m: (m["start"], -m["end"])):
        begin = kept[-1]["end"] if kept else 0
        if begin <= mention["start"] < mention["end"] <= length:
            kept.append(mention)
    return kept


def _pieces(text: str, mentions: Sequence[MentionShown]) -> list[Piece]:
    pieces, at = [], 0
    for mention in mentions:
        if mention["end"] > _TEXT_LIMIT:
            break
        pieces.append(Piece(safe_text(text[at : mention["start"]])))
        name, rest = _naming(mention)
        label = f"{name} ({rest})" if rest else name
        shown = safe_text(text[mention["start"] : mention["end"]])
        pieces.append(Piece(shown, label, _unseen(mention)))
        at = mention["end"]
    tail = text[at:]
    pieces.append(Piece(safe_text(tail, max(_TEXT_LIMIT - at, 200))))
    return [piece for piece in pieces if piece.text]
