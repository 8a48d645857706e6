import pytest

from kpframework.cli.grid import grid

ROWS = [("peft", "host: lora, adapter\nmapper: none"), ("知識", "kb: triples")]


def test_columns_are_aligned_and_cells_may_hold_several_lines():
    assert grid(("plugin", "components"), ROWS, 80) == [
        "plugin  components",
        "─" * 27,
        "peft    host: lora, adapter",
        "        mapper: none",
        "知識    kb: triples",
    ]


@pytest.mark.parametrize("width", [18, 24, 60])
def test_long_cells_are_folded_at_spaces_and_nothing_is_lost(width):
    text = "one two three four five six seven eight"
    lines = grid(("name", "text"), [("a", text)], width)
    assert all(len(line) <= width for line in lines)
    assert " ".join(line[6:] for line in lines[2:]).split() == text.split()


def test_a_word_that_is_too_long_is_broken():
    lines = grid(("a",), [("x" * 25,)], 10)
    assert [line.strip() for line in lines[2:]] == ["x" * 10, "x" * 10, "x" * 5]


def test_wide_characters_take_two_cells():
    lines = grid(("a", "b"), [("知識知識知識知識", "c")], 12)
    assert [line.split() for line in lines[2:]] == [["知識知識", "c"], ["知識知識"]]
