"""Progress is a live display in a terminal and a line a step elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

import pytest

from kpframework.run.progress import Display

SHOW = """
import sys
from kpframework.run.progress import Display
display = Display(enabled=len(sys.argv) < 2)
with display.running(1):
    with display.step("host[full]"), display.progress("train", 3) as advance:
        for _ in range(3):
            advance(note="loss 0.1 [red]x[/red]")
    display.finished("host[full]", "made", 12.34, "")
print("rich" in sys.modules)
"""


def test_off_a_terminal_there_is_one_plain_line_a_step(capfd: pytest.CaptureFixture[str]) -> None:
    display = Display()
    with display.running(3):
        with display.step("a"), display.progress("train", 10) as advance:
            advance(3, note="loss")
        display.finished("a", "made", 12.34, "")
        display.finished("b", "reused", 12.34, "")
        display.finished("c", "skipped", 0, "a failed")
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "a  12.3 s\nb  reused\nc  skipped: a failed\n"


def test_quiet_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    display = Display(enabled=False)
    with display.running(1), display.step("a"), display.progress("train", None) as advance:
        advance()
        display.finished("a", "made", 1, "")
        display.say("something")
    assert capfd.readouterr() == ("", "")


def test_what_a_terminal_would_act_on_is_escaped(capfd: pytest.CaptureFixture[str]) -> None:
    Display().finished("a", "failed", 0, "\x1b[2J\r\u202eevil\n")
    assert capfd.readouterr().err == "a  failed: \\x1b[2J\\x0d\\u202eevil\\x0a\n"


LATE = """
import sys, time
from kpframework.run import progress
progress._PATIENCE = float(sys.argv[1])
display = progress.Display()
with display.progress("hashing", 3) as advance:
    for _ in range(3):
        time.sleep(0.2)
        advance()
print("rich" in sys.modules)
"""


@pytest.mark.parametrize(("patience", "shown"), [("0.1", True), ("60", False)])
def test_outside_of_a_display_a_bar_is_shown_when_it_takes_long(patience: str, shown: bool) -> None:
    said, found = _in_a_terminal([sys.executable, "-c", LATE, patience])
    assert said == f"{shown}\n"
    assert (b"hashing" in found) is shown


def test_off_a_terminal_rich_is_not_imported() -> None:
    done = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("False\n", "host[full]  12.3 s\n")


@pytest.mark.parametrize("quiet", [False, True])
def test_in_a_terminal_bars_are_shown_unless_quiet(quiet: bool) -> None:
    command = [sys.executable, "-c", SHOW, *(["quiet"] if quiet else [])]
    said, shown = _in_a_terminal(command)
    assert said == f"{not quiet}\n"
    if quiet:
        assert shown == b""
    else:
        assert b"host[full]  12.3 s" in shown
        assert b"train" in shown
        assert b"\x1b[3" not in shown


def _in_a_terminal(command: list[str]) -> tuple[str, bytes]:
    """Run a command whose stderr is a terminal; return its stdout and what the terminal shows."""
    main, other = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "NO_COLOR": "1"}
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=other, text=True, check=True, env=environment
    )
    os.close(other)
    shown = b""
    try:
        while chunk := os.read(main, 65536):
            shown += chunk
    except OSError:  # the other side is closed: all was read
        pass
    os.close(main)
    return done.stdout, shown
