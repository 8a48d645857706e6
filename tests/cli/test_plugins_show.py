import json

import pytest

from kpframework.testing.distributions import fake_plugin


@pytest.fixture
def cli(tmp_path, command_line):
    fake_plugin(tmp_path / "site", "toy", components=[("mapper", "toy-map"), ("kb", "shared")])
    fake_plugin(tmp_path / "site", "two", components=[("linker", "shared")])
    return lambda *a: command_line(*a, site=tmp_path / "site", config=tmp_path / "config")


@pytest.mark.parametrize("name", ["toy-map", "mapper/toy-map", "toy/toy-map"])
def test_a_component_is_shown_by_each_of_its_names(cli, name):
    shown = json.loads(cli("plugins", "show", name, "--json").stdout)
    assert shown["qualified"] == "toy/toy-map"
    assert shown["distribution"] == "kp-plugin-toy"
    assert shown["options"] == [
        {
            "name": "size",
            "type": "int",
            "default": "3",
            "required": False,
            "description": "How many.",
        }
    ]


def test_options_are_a_table(cli):
    text = cli("plugins", "show", "toy-map").stdout
    assert "kp-plugin-toy 1.0" in text
    assert "How many." in text


def test_a_name_of_two_kinds_shows_both(cli):
    text = cli("plugins", "show", "shared").stdout
    assert "kb/shared" in text
    assert "linker/shared" in text


def test_two_components_are_one_json_document(cli):
    shown = json.loads(cli("plugins", "show", "shared", "--json").stdout)
    assert [s["kind"] for s in shown] == ["kb", "linker"]


def test_a_plugin_is_shown_by_its_name(cli):
    text = cli("plugins", "show", "toy").stdout
    assert "mapper/toy-map" in text
    assert "kpframework >=0.1" in text


def test_an_unknown_name_gets_a_suggestion(cli):
    done = cli("plugins", "show", "toy-mpa")
    assert done.returncode == 3
    assert "Did you mean 'toy-map'?" in done.stderr
