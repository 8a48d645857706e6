"""Examples that steps hand on come back as they were."""

from __future__ import annotations

from kpframework.api import (
    Anchor,
    Blank,
    Example,
    Insertion,
    Literal,
    Mask,
    Mention,
    Replacement,
    Segment,
    Slot,
)
from kpframework.run.examples_file import read_examples, write_examples


def test_examples_with_every_edit_and_piece_come_back_as_they_were(tmp_path):
    pieces = (Slot("E1"), Literal("/"), Literal("said of it", limit=5), Blank())
    edits = (
        Insertion(0, pieces, side="after", rank=-1),
        Replacement(0, 4, pieces),
        Anchor(0, 4, "E1"),
        Mask(0, 4),
    )
    mention = Mention(0, 4, "E1", 0.5, "head")
    example = Example("a", (Segment("Lyon", (mention,), edits),), [1, 2], {"relation": "x"})
    assert write_examples(tmp_path / "x.jsonl", [example]) == 1
    assert list(read_examples(tmp_path / "x.jsonl")) == [example]
