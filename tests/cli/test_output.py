import json

import pytest

from kpframework.cli import output
from kpframework.errors import Problem


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\x07", r"a\x0db\x07"),
        ("\x9b31m\x7f", r"\x9b31m\x7f"),
        ("\u202eabc\u200b\ufeff", r"\u202eabc\u200b\ufeff"),
        ("\ud800", r"\ud800"),
        ("line\n\ttabbed naïve 知識", "line\n\ttabbed naïve 知識"),
    ],
)
def test_what_steers_a_terminal_is_escaped(raw, shown):
    assert output.safe_text(raw) == shown


def test_json_is_ascii_and_says_the_same(capsys):
    value = {"知識": "\x1b]8;;\x7f\u202e"}
    output.emit_json(value)
    text = capsys.readouterr().out
    assert all(" " <= c <= "~" or c == "\n" for c in text)
    assert json.loads(text) == value


def test_cells_of_a_table_are_neither_markup_nor_control_characters(capsys):
    output.table(["a"], [["[bold]x[/bold]\x1b[2J"]])
    assert r"[bold]x[/bold]\x1b[2J" in capsys.readouterr().out


def test_several_problems_end_with_their_number(capsys):
    output.problems([Problem("KP1", "one", "do this"), Problem("KP2", "two\x1b")])
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith("2 errors\n")
    assert "fix: do this" in captured.err
    assert "\x1b" not in captured.err


def test_no_color_is_respected(monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert output.color()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not output.color()
