"""Examples and mentions as JSON lines, as steps hand them on."""

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
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            file.write(json.dumps(_plain(example), ensure_ascii=False, allow_nan=False) + "\n")
            count += 1
    return count


def read_examples(path: Path) -> Iterator[Example]:
    """Yield what `write_examples` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            data = json.loads(line)
            segments = tuple(
                Segment(
                    own["text"],
                    tuple(Mention(**m) for m in own["mentions"]),
                    tuple(_edit(edit) for edit in own["edits"]),
                )
                for own in data["segments"]
            )
            inputs = tuple(tuple(own) for own in data.get("inputs", ()))
            group = data.get("group", "")
            yield Example(data["id"], segments, data["target"], data["info"], inputs, group)


def write_mentions(path: Path, linked: Iterable[Sequence[Sequence[Mention]]]) -> None:
    """Write for each example (one a line) the mentions of each of its segments."""
    with path.open("w", encoding="utf-8") as file:
        for segments in linked:
            rows = [[list(asdict(m).values()) for m in mentions] for mentions in segments]
            file.write(json.dumps(rows, ensure_ascii=False, allow_nan=False) + "\n")


def read_mentions(path: Path) -> Iterator[list[list[Mention]]]:
    """Yield what `write_mentions` wrote."""
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield [[Mention(*row) for row in mentions] for mentions in json.loads(line)]


def _plain(example: Example) -> dict[str, Any]:
    segments = [
        {
            "text": segment.text,
            "mentions": [asdict(mention) for mention in segment.mentions],
            "edits": [_plain_edit(edit) for edit in segment.edits],
        }
        for segment in example.segments
    ]
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
