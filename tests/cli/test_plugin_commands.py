"""Commands that plugins add: named from metadata, imported when used, each on its own."""

import re

import pytest

from kpframework.cli import root
from kpframework.plugins.settings import write_disabled
from kpframework.testing.distributions import fake_distribution

COMMAND = """
import sys
import click

@click.command({name!r})
@click.option("--loud", is_flag=True)
def command(loud):
    \"\"\"Say hello.\"\"\"
    click.echo("HELLO" if loud else "hello")
"""
SENTINEL = "raise AssertionError('imported')"


def offer(site, name, source=None, *, distribution=None, **more):
    module = f"{(distribution or name).replace('-', '_')}_cli"
    fake_distribution(
        site,
        distribution or f"kp-plugin-{name}",
        commands={name: module},
        files={f"{module}.py": COMMAND.format(name=name) if source is None else source},
        **more,
    )


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
    monkeypatch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
    return folder


@pytest.fixture
def kp(capsys):
    def run(*arguments):
        code = root.run(arguments)
        shown = capsys.readouterr()
        return code, shown.out, shown.err

    return run


def test_a_plugins_command_runs_with_its_options(site, kp):
    offer(site, "greet")
    assert kp("greet", "--loud") == (0, "HELLO\n", "")


def test_help_lists_it_by_its_summary_and_imports_nothing(site, kp):
    offer(site, "greet", SENTINEL)
    (info,) = site.glob("*.dist-info")
    metadata = (info / "METADATA").read_text()
    (info / "METADATA").write_text(
        metadata.replace("Version:", "Summary: Greets \x1b[1m\nVersion:")
    )
    code, out, _ = kp("--help")
    assert code == 0
    assert "Commands of plugins" in out
    assert re.search(r"greet +Greets \\x1b\[1m", out)


def test_a_broken_command_tells_its_distribution_and_the_others_work(site, kp):
    offer(site, "greet")
    offer(site, "bad", "import a_module_nobody_has")
    offer(site, "leaves", "raise SystemExit(9)")
    offer(site, "none", "command = print")
    for name, reason in (
        ("bad", "a_module_nobody_has"),
        ("leaves", "sys.exit(9)"),
        ("none", "is no click command"),
    ):
        code, out, err = kp(name)
        assert code == 3
        assert out == ""
        assert "KP204" in err
        assert f"kp-plugin-{name} 1.0" in err
        assert reason in err
        assert f"kpframework plugins disable {name}" in err
    assert kp("greet")[:2] == (0, "hello\n")
    assert kp("--help")[0] == 0


def test_a_disabled_plugin_offers_no_command_and_says_how_to_enable_it(site, kp):
    offer(site, "greet")
    write_disabled(frozenset({"kp-plugin-greet:greet"}))
    assert "greet" not in kp("--help")[1]
    code, _, err = kp("greet")
    assert code == 3
    assert "kpframework plugins enable greet" in err
    assert kp("plugins", "enable", "greet")[0] == 0
    assert kp("greet")[0] == 0


def test_safe_mode_and_the_allow_list_hold_for_commands(site, kp, monkeypatch):
    offer(site, "greet")
    assert kp("--safe-mode", "greet")[0] == 3
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "other")
    assert "greet" not in kp("--help")[1]
    assert kp("greet")[0] == 3
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "kp-plugin-greet")
    assert "greet" in kp("--help")[1]
    assert kp("greet")[0] == 0


def test_an_incompatible_plugin_is_not_imported_for_its_command(site, kp):
    offer(site, "greet", SENTINEL, requires=["kpframework>=99"])
    code, _, err = kp("greet")
    assert code == 3
    assert "needs kpframework>=99" in err


def test_two_plugins_with_one_command_are_both_named(site, kp):
    offer(site, "greet", distribution="kp-plugin-one")
    offer(site, "greet", distribution="kp-plugin-two")
    code, _, err = kp("greet")
    assert code == 3
    assert "KP203" in err
    assert "kp-plugin-one 1.0" in err
    assert "kp-plugin-two 1.0" in err
    assert "greet" not in kp("--help")[1]


def test_a_plugin_cannot_take_the_place_of_a_command_of_kpframework(site, kp):
    offer(site, "validate", SENTINEL)
    assert "Check SPEC against its format" in kp("validate", "--help")[1]
    code, out, _ = kp("plugins", "list", "--no-import")
    assert code == 0
    assert "also offered by kpframework itself" in out


def test_list_shows_commands_and_which_of_them_are_broken(site, kp, monkeypatch):
    offer(site, "greet")
    offer(site, "bad", "import a_module_nobody_has")
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "greet,bad")
    code, out, _ = kp("plugins", "list")
    assert code == 0
    assert "command: greet" in out
    assert "broken: bad (kp-plugin-bad 1.0)" in out
    assert kp("plugins", "doctor", "bad")[0] == 3


def test_a_command_that_is_not_installed_names_its_package(site, kp, monkeypatch):
    monkeypatch.setitem(root.ELSEWHERE, "elsewhere", "kp-plugin-elsewhere")
    code, _, err = kp("elsewhere")
    assert code == 2
    assert "pip install kp-plugin-elsewhere" in err


def test_an_unknown_command_is_answered_with_the_nearest_of_a_plugin_too(site, kp):
    offer(site, "greet")
    code, _, err = kp("gret")
    assert code == 2
    assert "Did you mean 'greet'?" in err
