"""`plugins check`, and the three lines of a test file."""

import subprocess
import sys

import pytest

from kpframework.errors import PluginError
from kpframework.testing import Sample, conformance

DUPLICATES = """
from kpframework.api import Entity, KBProvider

class Target(KBProvider):
    def entities(self):
        yield Entity("A", "one")
        yield Entity("A", "two")

    def triples(self):
        yield from ()
"""


@pytest.fixture
def duplicates(kp_plugins):
    """A knowledge base that yields an entity twice."""
    plugin = kp_plugins.install("twice", [("kb", "twice")])
    (kp_plugins.folder / plugin.module / "target.py").write_text(DUPLICATES)
    return "twice"


def test_check_says_how_many_ran_and_exits_with_3_if_one_fails(duplicates, kp_cli):
    done = kp_cli("plugins", "check", duplicates, "--only", "kb/twice::ids")
    assert done.code == 3
    assert "kb/twice::ids_are_unique" in done.out
    assert "1 checks run, 0 passed, 1 failed" in done.out


def test_check_prints_what_a_badge_is_made_from(duplicates, kp_cli):
    red = kp_cli("plugins", "check", duplicates, "--only", "kb/twice::ids", "--json")
    assert (red.code, red.json["color"], red.json["message"]) == (3, "red", "1 of 1 failed")
    assert red.json["checks"][0]["check"] == "kb::ids_are_unique"
    green = kp_cli("plugins", "check", duplicates, "--only", "is_described", "--json").ok()
    assert (green.json["color"], green.json["message"]) == ("brightgreen", "1 passed")


def test_no_check_is_a_failure_of_its_own(duplicates, kp_plugins, kp_cli):
    assert "KP212" in kp_cli("plugins", "check", duplicates, "--only", "no such").err
    kp_plugins.install("nothing")
    done = kp_cli("plugins", "check", "nothing")
    assert (done.code, "KP212" in done.err) == (3, True)


def test_a_plugin_that_does_not_load_fails_with_its_reason(kp_plugins, kp_cli):
    kp_plugins.install("bad", [("kb", "bad")], before="import a_module_nobody_has")
    done = kp_cli("plugins", "check", "bad", "--only", "is_usable")
    assert done.code == 3
    assert "a_module_nobody_has" in done.out


def test_an_expected_failure_is_shown_and_one_that_passes_is_a_failure(duplicates):
    reason = {"kb::ids_are_unique": "the source repeats entities"}
    (own,) = conformance.check(duplicates, expected_failures=reason, only="kb/twice::ids")
    assert (own.status, own.detail) == ("expected failure", "the source repeats entities")
    sample = Sample(expected_failures={"kb::is_described": "it is"})
    (own,) = conformance.check(duplicates, {"kb/twice": sample}, only="is_described")
    assert own.is_failure
    assert own.status == "unexpected pass"


def test_samples_and_expectations_of_nothing_are_refused(duplicates):
    with pytest.raises(PluginError, match="KP213"):
        conformance.check(duplicates, samples={"kb/other": {}})
    with pytest.raises(PluginError, match="KP213"):
        conformance.check(duplicates, expected_failures={"kb::no_such_check": "why"})


def test_a_component_without_options_says_how_to_give_a_sample(kp_plugins):
    plugin = kp_plugins.install("needs", [("kb", "needs")])
    config = kp_plugins.folder / plugin.module / "config.py"
    config.write_text(config.read_text().replace("Field(3,", "Field("))
    (own,) = conformance.check("needs", only="options_are_valid")
    assert own.status == "failed"
    assert "kp_samples" in own.detail


def test_three_lines_make_a_test_for_each_check(duplicates, kp_plugins, tmp_path):
    (tmp_path / "test_own.py").write_text(
        "from kpframework.testing import conformance\n"
        f"test_conformance = conformance.tests({duplicates!r})\n"
    )
    import os

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "-k", "ids_are or described", "test_own.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(kp_plugins.folder)},
        capture_output=True,
        text=True,
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout
    assert "test_conformance[kb/twice::ids_are_unique]" in done.stdout


def test_the_fixtures_cost_nothing_before_they_are_used():
    code = (
        "import sys, kpframework.testing.pytest_plugin\n"
        "print(sorted({'torch', 'transformers', 'numpy', 'pydantic', 'click'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_tiny_host_is_the_tests_own(kp_host, kp_kb):
    (one, tokenizer), (other, _) = kp_host(), kp_host()
    assert one is not other
    assert kp_kb.row("E0") is not None
    assert one(**tokenizer("Paris", return_tensors="pt")).logits.shape == (1, 2)
