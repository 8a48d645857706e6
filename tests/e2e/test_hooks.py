"""Hooks of a plugin that no spec names: called through a run, and of no harm to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kpframework.testing.distributions import fake_plugin
from kpframework.testing.project import tiny_spec

TELLS = """
import json, os

def tell(hook, content):
    with open(os.environ["KP_EVENTS"], "a", encoding="utf-8") as out:
        out.write(json.dumps([hook, content]) + "\\n")

@hookimpl
def kp_before_run(spec, plan):
    tell("kp_before_run", [spec["name"], len(plan["steps"])])

@hookimpl
def kp_after_step(step):
    tell("kp_after_step", [step["name"], step["status"]])

@hookimpl
def kp_after_run(results):
    tell("kp_after_run", [results["name"], [s["plugin"] for s in results["sections"]]])

@hookimpl
def kp_report_sections(results):
    yield {"title": "Costs <b>", "text": "What it took.", "rows": [["row", "price"], ["map", 3]]}
"""
RAISES = "\n".join(
    f"@hookimpl\ndef {hook}():\n    raise OSError('no network')"
    for hook in ("kp_before_run", "kp_after_step", "kp_after_run", "kp_report_sections")
)
NO_SECTION = "@hookimpl\ndef kp_report_sections():\n    return [{'title': {1, 2}}]"
PINS = "@hookimpl\ndef kp_lock_entries():\n    return {'release': '2026-11'}"
ROW = [{"id": "frozen", "type": "none"}]


@pytest.fixture(scope="module")
def project(make_own, tmp_path_factory):
    """A project whose spec takes its linker from a plugin with hooks, and has been run."""
    site = tmp_path_factory.mktemp("site")
    fake_plugin(site, "tells", after=TELLS)
    fake_plugin(site, "raises", after=RAISES)
    fake_plugin(site, "no-section", after=NO_SECTION)
    linker = fake_plugin(site, "pins", components=[("linker", "pins")], after=PINS)
    (site / linker.module / "target.py").write_text(
        "from kpframework.api import Linker\n\n\nclass Target(Linker):\n"
        "    def prepare(self, kb):\n        pass\n\n"
        "    def link(self, segments):\n        return [[] for _ in segments]\n"
    )
    knowledge = [{**tiny_spec()["knowledge"][0], "linker": "pins"}]
    project = make_own(
        injections=[*ROW, {"id": "prompt", "type": "prompt"}],
        tasks=tiny_spec()["tasks"][:1],
        knowledge=knowledge,
        corpora=[],
    )
    done = project.command(
        "run", "spec.json", PYTHONPATH=str(site), KP_EVENTS=str(project.home / "events")
    )
    assert done.code == 0, done.err
    return project, done


def events(project: Any) -> list[Any]:
    lines = (Path(project.home) / "events").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_they_are_called_in_the_order_of_the_run(project):
    own, _ = project
    found = events(own)
    results = own.results()
    steps = [step["step"] for step in results["timing"]]
    assert [hook for hook, _ in found] == [
        "kp_before_run", *(["kp_after_step"] * len(steps)), "kp_after_run"
    ]  # fmt: skip
    assert found[0][1] == ["tiny", len(steps)]
    assert [content for _, content in found[1:-1]] == [[name, "made"] for name in steps]
    assert found[-1][1] == ["tiny", ["tells"]]


def test_a_section_is_on_the_page_as_text(project):
    own, _ = project
    page = (own.folder / "runs/tiny/report.html").read_text("utf-8")
    assert "Costs &lt;b&gt;" in page
    assert "From tells." in page


def test_what_a_used_plugin_pins_is_in_the_lock(project):
    own, _ = project
    assert own.results()["lock"]["entries"] == {"pins": {"release": "2026-11"}}


def test_one_that_raises_or_returns_no_section_is_named_and_the_run_goes_on(project):
    _, done = project
    for hook in ("kp_before_run", "kp_after_step", "kp_after_run", "kp_report_sections"):
        assert f"plugin raises: {hook} raised OSError: no network" in done.err
    assert "plugin no-section: what kp_report_sections returned is left out" in done.err
    assert "Traceback" not in done.err
