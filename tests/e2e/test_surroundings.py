"""Numbers made under one version of a package, and looked at under another."""

from __future__ import annotations

from importlib.metadata import requires, version

import pytest

from kpframework.testing.distributions import fake_distribution
from kpframework.testing.project import tiny_spec

LOCK = "runs/tiny/kp.lock"


@pytest.fixture(scope="module")
def moved(make_own, tmp_path_factory):
    """A project that was run, and run again after an upgrade; and that upgrade."""
    # As far as metadata tell: the code that is imported stays the same.
    site = tmp_path_factory.mktemp("site")
    fake_distribution(site, "torch", version="99.0", requires=requires("torch") or [])
    project = make_own(
        injections=[{"id": "frozen", "type": "none"}],
        tasks=tiny_spec()["tasks"][:1],
    )
    first = project.command("run", "spec.json")
    assert first.code == 0, first.err
    assert project.results()["made_elsewhere"] == []
    again = project.command("run", "spec.json", PYTHONPATH=str(site))
    assert again.code == 0, again.err
    return project, again, str(site)


def test_the_record_says_which_steps_another_version_made(moved):
    project, _, _ = moved
    results = project.results()
    assert results["environment"]["packages"]["torch"] == "99.0"
    (group,) = results["made_elsewhere"]
    assert group["differs"] == {"torch": [version("torch"), "99.0"]}
    assert group["steps"] == [step["step"] for step in results["timing"]]


def test_table_and_page_say_so(moved):
    project, again, _ = moved
    line = f"reused steps were made with torch {version('torch')}, 99.0 here"
    assert line in again.out
    assert line in (project.folder / "runs/tiny/report.html").read_text("utf-8")


def test_the_lock_pins_what_made_the_numbers(moved):
    project, _, site = moved
    assert project.results()["lock"]["packages"]["torch"] == version("torch")
    here = project.command("run", "spec.json", "--lock", LOCK, "-o", "runs/again")
    assert here.code == 0, here.err
    there = project.command("run", "spec.json", "--lock", LOCK, "-o", "runs/x", PYTHONPATH=site)
    assert there.code == 4
    assert f"package torch: {version('torch')} in the lock, 99.0 here" in there.err


def test_device_and_precision_stand_beside_each_other(moved):
    project, _, _ = moved
    environment = project.results()["environment"]
    assert (environment["device"], environment["precision"]) == ("cpu", "fp32")
