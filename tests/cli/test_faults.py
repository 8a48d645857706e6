"""Eight broken plugins and every command that must survive them."""

import json
import time

import pytest

from kpframework.plugins import probing
from kpframework.testing.distributions import broken_plugins, fake_plugin
from kpframework.testing.project import tiny_project

SLEEP = 1.5


@pytest.fixture(scope="module")
def cli(tmp_path_factory, command_line):
    site, config = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("config")
    broken_plugins(site, sleep_seconds=SLEEP)

    def run(*arguments, **variables):
        done = command_line(*arguments, site=site, config=config, **variables)
        assert "Traceback" not in done.stdout + done.stderr
        return done

    run("plugins", "list")
    return run


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    stage = {"stage": "task", "epochs": 1}
    row = {"id": "map", "type": "map-tuning", "mapper": {"type": "mlp"}, "train": stage}
    rows = [{"id": "frozen", "type": "none"}, row]
    return tiny_project(tmp_path_factory.mktemp("project"), injections=rows)


@pytest.fixture(scope="module")
def listed(cli):
    return {r["name"]: r for r in json.loads(cli("plugins", "list", "--json").stdout)}


@pytest.mark.parametrize(
    ("way", "state", "reason", "fix"),
    [
        ("import", "broken", "No module named 'a_module_nobody_has'", "pip install"),
        ("syntax", "broken", "SyntaxError", "kpframework plugins disable bad-syntax"),
        ("exits", "broken", "sys.exit(7)", "kpframework plugins disable bad-exits"),
        ("ends", "broken", "exit code 0", "kpframework plugins disable bad-ends"),
        ("hangs", "broken", "not loaded within 20 s", "kpframework plugins disable bad-hangs"),
        ("core-range", "incompatible", "needs kpframework>=99", "pip install"),
        ("taken", "conflict", "'linear' is also offered by kp-plugin-mappers", "bad-taken/linear"),
    ],
)
def test_list_names_state_reason_and_fix(listed, way, state, reason, fix):
    record = listed[f"bad-{way}"]
    assert record["state"] == state
    assert reason in record["reason"]
    assert fix in record["fix"]


def test_list_notes_a_slow_import(listed):
    assert listed["bad-sleeps"]["state"] == "ok"
    assert listed["bad-sleeps"]["note"] == f"slow import: {SLEEP} s"


def test_the_table_shows_what_the_json_says(cli):
    text = cli("plugins", "list").stdout
    for part in ("incompatible: bad-core-range", "broken: bad-exits", "conflict: bad-taken"):
        assert part in text
    assert text.count("  fix: ") >= 8


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["plugins", "--help"], 0),
        (["plugins", "list", "--no-import"], 0),
        (["plugins", "show", "mapper/mlp"], 0),
        (["plugins", "show", "mappers/linear"], 0),
        (["plugins", "show", "bad-import"], 0),
        (["plugins", "show", "mapper/linear"], 3),
        (["plugins", "show", "mapper/bad-import"], 3),
        (["plugins", "doctor", "--no-import"], 3),
        (["schema"], 0),
        (["validate", "{spec}"], 0),
        (["plan", "{spec}"], 0),
        (["lock", "{spec}"], 0),
        (["kb", "info", "{spec}"], 0),
        (["plugins", "disable", "no-such-plugin"], 3),
        (["--safe-mode", "plugins", "list"], 0),
        (["plugins", "lst"], 2),
        (["plguins"], 2),
    ],
)
def test_every_command_survives_with_its_exit_code(cli, spec, arguments, code):
    assert cli(*(own.format(spec=spec) for own in arguments)).returncode == code


@pytest.mark.parametrize(
    "way", ["import", "syntax", "sleeps", "exits", "ends", "hangs", "core-range", "taken"]
)
def test_any_of_them_can_be_disabled_and_enabled(cli, way):
    name = f"bad-{way}"
    assert cli("plugins", "disable", name).stdout == f"disabled: {name}\n"
    states = json.loads(cli("plugins", "list", "--json", "--no-import").stdout)
    record = next(r for r in states if r["name"] == name)
    assert (record["state"], record["fix"]) == ("disabled", f"kpframework plugins enable {name}")
    assert cli("plugins", "enable", name).stdout == f"enabled: {name}\n"


@pytest.mark.parametrize("command", ["validate", "plan", "schema", "plugins show mapper/mlp"])
def test_a_plugin_that_was_never_loaded_cannot_end_the_command(
    spec, tmp_path, command_line, command
):
    fake_plugin(tmp_path, "ends", before="import os\nos._exit(0)", components=[("mapper", "m")])
    named = [str(spec)] if command in {"validate", "plan"} else []
    done = command_line(*command.split(), *named, site=tmp_path, config=tmp_path / "config")
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_doctor_loads_each_and_exits_with_3(cli):
    done = cli("plugins", "doctor", "bad-import", "bad-sleeps")
    assert done.returncode == 3
    assert "note: slow import" in done.stdout
    assert "torch" in done.stdout.splitlines()[0]
    assert "mappers" not in done.stdout


def test_a_command_typed_wrong_gets_a_suggestion(cli):
    assert "Did you mean 'plugins'?" in cli("plguins").stderr


def test_safe_mode_disables_all(cli):
    records = json.loads(cli("--safe-mode", "plugins", "list", "--json").stdout)
    assert {r["state"] for r in records} == {"disabled"}


def test_a_mistyped_component_does_not_wait_again_for_what_hung(cli):
    start = time.monotonic()
    done = cli("plugins", "show", "mapper/mpl")
    assert "Did you mean 'mlp'?" in done.stderr
    assert time.monotonic() - start < probing.LIMIT_SECONDS
