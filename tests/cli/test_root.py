import os
import types

import click
import pytest

from kpframework import __version__
from kpframework.cli import root
from kpframework.errors import LockMismatch, PluginError, Problem, SpecError


@pytest.fixture
def raising(monkeypatch):
    """Make a command of the table do something."""

    def install(body):
        command = click.command("run")(body)
        module = types.SimpleNamespace(command=command)
        monkeypatch.setattr(root, "import_module", lambda name: module)

    return install


def raise_(error):
    def body():
        raise error

    return body


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SpecError("KP301", "wrong", "do this"), 2),
        (PluginError("KP203", "wrong", "do this"), 3),
        (LockMismatch("KP600", "wrong", "do this"), 4),
    ],
)
def test_an_error_is_its_message_and_its_exit_code(raising, capsys, error, code):
    raising(raise_(error))
    assert root.run(["run"]) == code
    captured = capsys.readouterr()
    assert captured.err == f"error[{error.code}]:\n  wrong\n  fix: do this\n"
    assert captured.out == ""


def test_all_problems_of_an_error_are_shown(raising, capsys):
    raising(raise_(SpecError.of([Problem("KP301", "one"), Problem("KP302", "two")])))
    assert root.run(["run"]) == 2
    err = capsys.readouterr().err
    assert "error[KP302]" in err
    assert err.endswith("2 errors\n")


def test_an_interrupt_exits_with_130(raising):
    raising(raise_(KeyboardInterrupt()))
    assert root.run(["run"]) == 130


def test_an_unexpected_error_is_one_line(raising, capsys):
    raising(raise_(RuntimeError("a\nb\x1b[2J")))
    assert root.run(["run"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert err.startswith("internal error: RuntimeError: a b\\x1b[2J; run with --traceback")


def test_the_traceback_is_shown_on_demand(raising, capsys):
    raising(raise_(RuntimeError("a")))
    assert root.run(["--traceback", "run"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_what_a_command_returns_is_the_exit_code(raising):
    raising(lambda: 3)
    assert root.run(["run"]) == 3


def test_safe_mode_holds_for_the_command_alone(raising, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "mine")
    seen = []
    raising(lambda: seen.append(os.environ["KPFRAMEWORK_PLUGINS"]))
    assert root.run(["--safe-mode", "run"]) == 0
    assert seen == [""]
    assert os.environ["KPFRAMEWORK_PLUGINS"] == "mine"


@pytest.mark.parametrize("arguments", [["--nonsense"], ["nonsense"], ["run", "--nonsense"]])
def test_wrong_usage_exits_with_2_and_says_where_help_is(raising, capsys, arguments):
    raising(lambda: None)
    assert root.run(arguments) == 2
    assert "--help'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["plugins"]])
def test_no_command_shows_the_help_itself(capsys, arguments):
    assert root.run(arguments) == 2
    assert capsys.readouterr().err.startswith("Usage: kpframework")


def test_the_version_is_the_package_version(capsys):
    assert root.run(["--version"]) == 0
    assert capsys.readouterr().out == f"kpframework {__version__}\n"


@pytest.mark.parametrize("name", root.COMMANDS)
def test_every_command_of_the_table_exists_and_has_help(name, capsys):
    assert root.run([name, "--help"]) == 0
    assert f"kpframework {name}" in capsys.readouterr().out
