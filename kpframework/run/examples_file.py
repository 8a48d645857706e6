"""Examples and mentions as JSON lines, as steps hand them on.

A segment that another example of several inputs has had already, such as a support of an episode,
is written as its number in order of first occurrence, and read as the same object: an episode's
supports are those of all its queries.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kpframework.api.text import (
    Anchor,
    Blank,
    Edit,
    Example,
    Hidden,
    Insertion,
    Literal,
    Mask,
    Mention,
    Piece,
    Replacement,
    Segment,
    Slot,
)

_EDITS: dict[str, Any] = {
    "anchor": Anchor,
    "insertion": Insertion,
    "mask": Mask,
    "replacement": Replacement,
}


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Write one example a line and return how many there were."""
    count = 0
    numbers: dict[Segment, int] = {}
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            plain = _plain(example, numbers)
            file.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def read_examples(path: Path) -> Iterator[Example]:
    """Yield what `write_examples` wrote."""
    shared: list[Segment] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            data = json.loads(line)
            inputs = tuple(tuple(own) for own in data.get("inputs", ()))
            segments = tuple(_segment(own, shared if inputs else None) for own in data["segments"])
            group = data.get("group", "")
            yield Example(data["id"], segments, data["target"], data["info"], inputs, group)


def write_mentions(path: Path, linked: Iterable[Sequence[Sequence[Mention]]]) -> None:
    """Write for each example (one a line) the mentions of each of its segments.

    Of an example of more than two segments those are written as a number that an example has had.
    """
    numbers: dict[tuple[Mention, ...], int] = {}
    with path.open("w", encoding="utf-8") as file:
        for segments in linked:
            keep = numbers if len(segments) > 2 else None
            rows = [_plain_mentions(mentions, keep) for mentions in segments]
            file.write(json.dumps(rows, ensure_ascii=False, allow_nan=False) + "\n")


def read_mentions(path: Path) -> Iterator[list[list[Mention]]]:
    """Yield what `write_mentions` wrote."""
    shared: list[list[Mention]] = []
    with path.open(encoding="utf-8") as file:
        for line in file:
            rows = json.loads(line)
            keep = shared if len(rows) > 2 else None
            yield [_mentions(mentions, keep) for mentions in rows]


def _plain_mentions(
    mentions: Sequence[Mention], numbers: dict[tuple[Mention, ...], int] | None
) -> int | list[list[Any]]:
    own = tuple(mentions)
    if numbers is not None:
        if own in numbers:
            return numbers[own]
        numbers[own] = len(numbers)
    return [list(asdict(mention).values()) for mention in own]


def _mentions(plain: int | list[list[Any]], shared: list[list[Mention]] | None) -> list[Mention]:
    if isinstance(plain, int):
        assert shared is not None  # the writer numbers in the same lines alone
        return shared[plain]
    mentions = [Mention(*row) for row in plain]
    if shared is not None:
        shared.append(mentions)
    return mentions


def _plain_segment(segment: Segment, numbers: dict[Segment, int] | None) -> int | dict[str, Any]:
    if numbers is not None:
        if segment in numbers:
            return numbers[segment]
        numbers[segment] = len(numbers)
    return {
        "text": segment.text,
        "mentions": [asdict(mention) for mention in segment.mentions],
        "edits": [_plain_edit(edit) for edit in segment.edits],
    }


def _segment(plain: int | dict[str, Any], shared: list[Segment] | None) -> Segment:
    if isinstance(plain, int):
        assert shared is not None  # the writer numbers in the same lines alone
        return shared[plain]
    mentions = tuple(Mention(**own) for own in plain["mentions"])
    segment = Segment(plain["text"], mentions, tuple(_edit(edit) for edit in plain["edits"]))
    if shared is not None:
        shared.append(segment)
    return segment


def _plain(example: Example, numbers: dict[Segment, int]) -> dict[str, Any]:
    keep = numbers if example.inputs else None
    segments = [_plain_segment(segment, keep) for segment in example.segments]
    return {
        "id": example.id,
        "segments": segments,
        "target": example.target,
        "info": dict(example.info),
        **({"inputs": example.inputs} if example.inputs else {}),
        **({"group": example.group} if example.group else {}),
    }


def _plain_edit(edit: Edit) -> dict[str, Any]:
    plain = asdict(edit)
    if isinstance(edit, Insertion | Replacement):
        plain["pieces"] = [_plain_piece(piece) for piece in edit.pieces]
    return {"edit": type(edit).__name__.lower(), **plain}


def _edit(plain: dict[str, Any]) -> Edit:
    kind = _EDITS[plain.pop("edit")]
    if "pieces" in plain:
        plain["pieces"] = tuple(_piece(piece) for piece in plain["pieces"])
    edit: Edit = kind(**plain)
    return edit


def _plain_piece(piece: Piece) -> dict[str, Any]:
    if isinstance(piece, Slot):
        return {"slot": piece.entity}
    if isinstance(piece, Blank):
        return {"blank": True}
    if isinstance(piece, Hidden):
        return {"hidden": piece.text}
    return {"text": piece.text} | ({} if piece.limit is None else {"limit": piece.limit})


def _piece(plain: dict[str, Any]) -> Piece:
    if "slot" in plain:
        return Slot(plain["slot"])
    if "hidden" in plain:
        return Hidden(plain["hidden"])
    return Blank() if "blank" in plain else Literal(**plain)
