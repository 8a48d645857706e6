"""A plugin made for the previous minor version works, or the list says exactly why it does not."""

import json

import pytest

from kpframework.plugins import discovery
from kpframework.testing import conformance

HERE = "kpframework>=0.1,<0.2"
EARLIER_HOOKS = """

@hookimpl
def kp_after_run():
    return None
"""
"""A hook as a plugin of an earlier version has it: without the arguments that came later."""


@pytest.fixture
def next_minor(monkeypatch):
    """The core is the next minor version."""
    monkeypatch.setattr(discovery, "__version__", "0.2.0")


def state(kp_cli, name):
    listed = kp_cli("plugins", "list", "--json").ok().json
    return {own["name"]: own for own in listed}[name]


@pytest.mark.usefixtures("next_minor")
def test_one_that_allows_the_next_minor_version_works_in_it(kp_plugins, kp_cli):
    kp_plugins.install("old", [("kb", "old")], requires=["kpframework>=0.1"], after=EARLIER_HOOKS)
    assert state(kp_cli, "old")["state"] == "ok"
    registry = kp_plugins.load()
    assert registry.names("kb") == ["old"]
    assert registry.call("kp_after_run", results={}) == []
    (own,) = conformance.check("old", only="is_usable")
    assert own.status == "passed"


@pytest.mark.usefixtures("next_minor")
def test_one_that_does_not_is_listed_with_both_versions_and_the_fix(kp_plugins, kp_cli):
    kp_plugins.install("old", [("kb", "old")], requires=[HERE], before="raise SystemExit(7)")
    listed = state(kp_cli, "old")
    assert listed["state"] == "incompatible"
    assert listed["reason"] == "needs kpframework<0.2,>=0.1, 0.2.0 is installed"
    assert "pip install --upgrade kp-plugin-old 'kpframework==0.2.0'" in listed["fix"]
    shown = kp_cli("plugins", "list").ok().out
    assert "needs kpframework<0.2,>=0.1, 0.2.0 is installed" in " ".join(shown.split())


@pytest.mark.usefixtures("next_minor")
def test_check_fails_on_it_with_the_same_reason_and_imports_nothing(kp_plugins, kp_cli):
    kp_plugins.install("old", [("kb", "old")], requires=[HERE], before="raise SystemExit(7)")
    done = kp_cli("plugins", "check", "old", "--only", "is_usable", "--json")
    assert done.code == 3
    assert "needs kpframework<0.2,>=0.1" in json.dumps(done.json)
