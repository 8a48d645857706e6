"""`kpframework plugins new`: what it refuses, warns of, asks for and prints."""

import json
import os

import click
import pytest

from kpframework.cli import plugins_new
from kpframework.cli.root import run
from kpframework.errors import SpecError
from kpframework.scaffold import new_plugin, write_distribution
from kpframework.testing.distributions import fake_plugin


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    site = tmp_path / "site"
    fake_plugin(site, "taken", components=[("mapper", "wide"), ("linker", "deep")])
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "taken")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


def test_it_prints_the_files_the_next_commands_and_a_spec(capsys, tmp_path):
    assert run(["plugins", "new", "mapper", "own", "--directory", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    folder = tmp_path / "kp-plugin-own"
    assert told["folder"] == str(folder)
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert sorted(map(str, found)) == told["files"]
    assert {"LICENSE", "CHANGELOG.md", ".gitignore", "pyproject.toml"} <= set(told["files"])
    assert told["next"][-1] == "kpframework plugins check own"
    assert told["spec"]["injections"][0]["mapper"]["type"] == "own"
    assert told["warnings"] == []


def test_what_it_prints_for_people_has_the_same(capsys):
    assert run(["plugins", "new", "kb", "own"]) == 0
    shown = capsys.readouterr().out
    assert "src/kp_plugin_own/kb.py" in shown
    assert "  pip install -e" in shown
    assert '"type": "own"' in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["maper", "own"], "Did you mean 'mapper'?"),
        (["mapper", "My Own"], "'my-own'"),
        (["mapper", "kp-plugin-own"], "'own'"),
        (["mapper", "../own"], "'own'"),
        (["mapper", "a" * 29], "at most 28"),
        (["mapper", "own", "--author", "<nobody>"], "names no author"),
        (["mapper", "own", "--author", "A\nB"], "names no author"),
    ],
)
def test_a_kind_name_or_author_that_cannot_be_is_refused(arguments, told, capsys):
    assert run(["plugins", "new", *arguments]) == SpecError.exit_code
    shown = capsys.readouterr().err
    assert "KP214" in shown
    assert told in shown
    assert os.listdir() == []


@pytest.mark.parametrize("what", ["folder", "file", "dangling link"])
def test_nothing_is_overwritten(what, tmp_path, capsys):
    there = tmp_path / "here/kp-plugin-own"
    if what == "folder":
        there.mkdir()
    elif what == "file":
        there.write_text("mine")
    else:
        there.symlink_to("nowhere")
    assert run(["plugins", "new", "mapper", "own"]) == SpecError.exit_code
    assert "KP215" in capsys.readouterr().err
    assert os.listdir() == ["kp-plugin-own"]
    assert not there.is_dir() or not list(there.iterdir())


def test_a_write_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(SpecError, match="KP215"):
        write_distribution(tmp_path / "here/new", {"a.txt": "one", "a.txt/b.txt": "no folder"})
    assert os.listdir() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["mapper", "wide"], "specs have to write wide/wide"),
        (["mapper", "taken"], "installing the new one replaces it"),
        (["mapper", "deep"], ""),
    ],
)
def test_names_that_are_taken_are_warned_of(arguments, told, capsys):
    assert run(["plugins", "new", *arguments]) == 0
    shown = capsys.readouterr().err
    assert (told in shown) if told else not shown


def test_a_missing_argument_is_asked_for_at_a_terminal_alone(monkeypatch, capsys, tmp_path):
    assert run(["plugins", "new", "mapper"]) == SpecError.exit_code
    assert "Missing argument 'NAME'" in capsys.readouterr().err
    answers = iter(["linker", "asked"])
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    monkeypatch.setattr(plugins_new.sys.stdin, "isatty", lambda: True, raising=False)
    assert run(["plugins", "new"]) == 0
    assert (tmp_path / "here/kp-plugin-asked/src/kp_plugin_asked/linker.py").is_file()
    assert run(["plugins", "new", "--json"]) == SpecError.exit_code


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("injector", "my-gated-slot", "MyGatedSlotInjector"),
        ("kb", "towns", "TownsKB"),
        ("kb", "my-kb", "MyKB"),
        ("mapper", "mapper", "OwnMapper"),
        ("injector", "staged", "OwnStagedInjector"),
        ("task", "3d", "Own3dTask"),
    ],
)
def test_class_names_are_names_of_nothing_else(kind, name, expected):
    assert new_plugin(kind, name).class_name == expected
