"""Examples that steps hand on come back as they were."""

from __future__ import annotations

from kpframework.api import (
    Anchor,
    Blank,
    Example,
    Hidden,
    Insertion,
    Literal,
    Mask,
    Mention,
    Replacement,
    Segment,
    Slot,
)
from kpframework.run.examples_file import (
    read_examples,
    read_mentions,
    write_examples,
    write_mentions,
)


def test_examples_with_every_edit_and_piece_come_back_as_they_were(tmp_path):
    pieces = (
        Slot("E1"),
        Literal("/"),
        Literal("said of it", limit=5),
        Blank(),
        Hidden("the answer"),
    )
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


def test_inputs_and_group_come_back_and_shared_segments_are_one_object(tmp_path):
    shared = (Segment("Lyon", (Mention(0, 4, "E1", role="head"),)), Segment("Paris"))
    pairs = ((0, 1), (0, 2))
    examples = [
        Example("a", (Segment("Nice"), *shared), 0, {"relations": ["x", "y", "x"]}, pairs, "e1"),
        Example("b", (Segment("Paris"), *shared), 1, {}, pairs, "e1"),
        Example("c", (Segment("Nice"),), 0),
    ]
    assert write_examples(tmp_path / "x.jsonl", examples) == 3
    found = list(read_examples(tmp_path / "x.jsonl"))
    assert found == examples
    assert found[0].segments[1] is found[1].segments[1]
    assert found[1].segments[0] is found[1].segments[2]
    text = (tmp_path / "x.jsonl").read_text("utf-8")
    assert text.count("Lyon") == text.count("Paris") == 1


def test_mentions_come_back_whether_segments_are_shared_or_not(tmp_path):
    one, two = [Mention(0, 4, "E1", 0.5, "head")], [Mention(2, 3, "E2")]
    linked = [[one], [one, two, []], [two, two, []], [[]], [[], one, two]]
    write_mentions(tmp_path / "x.jsonl", linked)
    found = list(read_mentions(tmp_path / "x.jsonl"))
    assert found == linked
    assert (tmp_path / "x.jsonl").read_text("utf-8").count("E2") == 1
