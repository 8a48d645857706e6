"""What `plugins new` writes of every kind: clean, passing its own tests, usable in a spec."""

import json
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

import pytest

from kpframework.cli.root import run
from kpframework.component import KINDS
from kpframework.plugins import load
from kpframework.scaffold import new_plugin, write_distribution
from kpframework.scaffold.names import LONGEST
from kpframework.scaffold.render import rendered, spec_snippet
from kpframework.testing.conformance import plugin_checks
from kpframework.testing.distributions import fake_distribution
from kpframework.testing.project import ENTITIES, entity_class, entity_name, tiny_project

AUTHOR = 'Ada "B" \\ C <ada@example.org>'
NAMES = {kind: f"kit-{kind}" for kind in KINDS}


def installed(plugin, folder):
    """Write a distribution and leave it as `pip install -e` would; return its folder."""
    written = folder / plugin.distribution
    write_distribution(written, rendered(plugin))
    project = tomllib.loads((written / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fake_distribution(
        written / "src",
        project["name"],
        version=project["version"],
        requires=project["dependencies"],
        entry_points=project["entry-points"]["kpframework"],
    )
    return written


class Reports:
    """Collects what a nested pytest reports: kind -> test -> outcome."""

    def __init__(self):
        self.outcomes = defaultdict(dict)
        self.texts = {}

    def pytest_runtest_logreport(self, report):
        kind = re.search(r"kp-plugin-kit-(\w+)", report.nodeid + report.location[0])[1]
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[kind][report.nodeid] = report.outcome
            self.texts[report.nodeid] = report.longreprtext

    def pytest_collectreport(self, report):
        assert report.passed, report.longreprtext


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    """A folder with one plugin of each kind, all of them installed."""
    folder = tmp_path_factory.mktemp("generated")
    with pytest.MonkeyPatch.context() as patch:
        for kind, name in NAMES.items():
            written = installed(new_plugin(kind, name), folder)
            patch.syspath_prepend(str(written / "src"))
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
        yield folder


@pytest.fixture(scope="module")
def reports(generated):
    """Run the tests of all of them in this process; return kind -> test -> outcome and text."""
    collected = Reports()
    modules = [new_plugin(kind, name).module for kind, name in NAMES.items()]
    every = plugin_checks._heavy([*modules, *(f"{own}.config" for own in modules)])
    arguments = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    tests = map(str, sorted(generated.glob("*/tests")))
    with pytest.MonkeyPatch.context() as patch:
        # One process that imports all declarations in the place of one for each plugin.
        patch.setattr(plugin_checks, "_heavy", lambda names: {own: every[own] for own in names})
        pytest.main([*arguments, f"--rootdir={generated}", *tests], [collected])
    return collected


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_and_its_conformance_pass(reports, kind):
    outcomes = reports.outcomes[kind]
    bad = [reports.texts[own] for own, outcome in outcomes.items() if outcome != "passed"]
    assert not bad, "\n".join(bad)
    conformance = [own for own in outcomes if "test_conformance" in own]
    assert len(conformance) >= 20, conformance
    assert len(outcomes) > len(conformance)


def test_all_are_usable_beside_each_other(generated):
    listed = {own.name: own for own in load().plugins}
    for name in NAMES.values():
        assert listed[name].state == "ok", listed[name].reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_spec_with_it_is_valid(generated, kind, tmp_path, capsys):
    if kind == "kb":
        (tmp_path / "entities.jsonl").write_text('{"id": "E1", "name": "one"}\n')
    tiny_project(tmp_path)
    if kind == "task":
        for split, town in (("train", "Paris"), ("dev", "Lyon"), ("test", "Nice")):
            write_lines(
                tmp_path / f"{split}.jsonl", [{"text": f"{town} is big.", "label": "place"}]
            )
    snippet = spec_snippet(new_plugin(kind, NAMES[kind]))
    (tmp_path / "own.json").write_text(json.dumps(snippet))
    assert run(["validate", str(tmp_path / "own.json"), "--fill"]) == 0, capsys.readouterr().err
    assert NAMES[kind] in capsys.readouterr().out


def test_a_run_made_of_generated_components_alone_ends_well(generated, tmp_path, monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    facts = [
        {"id": f"E{i}", "name": entity_name(i), "triples": [["kind", f"K{entity_class(i)}"]]}
        for i in range(ENTITIES)
    ]
    write_lines(tmp_path / "entities.jsonl", facts)
    for split, count in (("train", 32), ("dev", 8), ("test", 8)):
        own, facts = facts[:count], facts[count:]
        write_lines(tmp_path / f"{split}.jsonl", map(example, own))
    files = {split: f"{split}.jsonl" for split in ("train", "dev", "test")}
    stage = {"stage": "task", "epochs": 1, "batch_size": 8}
    named = {kind: {"type": name} for kind, name in NAMES.items()}
    spec = tiny_project(
        tmp_path,
        backbone={**named["backbone"], "folder": "backbone"},
        knowledge=[
            {
                "id": "own",
                "kb": {**named["kb"], "path": "entities.jsonl"},
                "embeddings": {**named["embeddings"], "dim": 16},
                "linker": named["linker"],
            }
        ],
        corpora=[],
        tasks=[{"id": "kinds", **named["task"], **files, "labels": ["K0", "K1"]}],
        hosts=[{"id": "tuned", "adaptation": {**named["host"], "epochs": 1}}],
        injections=[
            {"id": "frozen", "type": "none"},
            {"id": "slot", **named["injector"], "train": stage},
            {"id": "mapped", "type": "map-tuning", "mapper": named["mapper"], "train": stage},
        ],
        trackers=[named["tracker"]],
        executor=named["executor"],
    )
    assert run(["run", str(spec), "--quiet", "-o", str(tmp_path / "run")]) == 0
    results = json.loads((tmp_path / "run/results.json").read_text(encoding="utf-8"))
    found = {row["injection"]: row for row in results["rows"]}
    assert all(row["status"] == "ok" and row["plug_and_play"] for row in found.values())
    for name in ("slot", "mapped"):
        assert found[name]["coverage"]["with_vector"] == found[name]["coverage"]["mentions"] == 8
    events = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    assert (events[0]["event"], events[-1]["event"]) == ("run_started", "run_done")
    assert len(events) - 2 == events[0]["steps"]


def example(fact):
    """Return a record of the generated task about a record of the generated knowledge base."""
    name, (_, kind) = fact["name"], fact["triples"][0]
    span = {"start": 2, "end": 2 + len(name), "entity": fact["id"]}
    return {"text": f"a {name} there", "label": kind, **span}


def write_lines(path, records):
    path.write_text("".join(f"{json.dumps(own)}\n" for own in records), encoding="utf-8")


@pytest.mark.parametrize("length", ["shortest", "longest", "longest class"])
def test_the_files_are_clean_whatever_the_name(tmp_path, length):
    for kind in KINDS:
        tried = [new_plugin(kind, "a" * n, AUTHOR) for n in range(1, LONGEST + 1)]
        plugin = {
            "shortest": tried[0],
            "longest": tried[-1],
            "longest class": max(tried, key=lambda own: len(own.class_name)),
        }[length]
        write_distribution(tmp_path / f"{kind}-{plugin.distribution}", rendered(plugin))
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--no-cache"], ["format", "--no-cache", "--diff"]):
        done = subprocess.run([*ruff, *command, "."], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    for written in tmp_path.iterdir():
        text = (written / "pyproject.toml").read_text(encoding="utf-8")
        assert tomllib.loads(text)["project"]["authors"][0]["name"] == 'Ada "B" \\ C'
        left = [p for p in written.rglob("*") if p.is_file() and "{%" in p.read_text("utf-8")]
        assert not left


def test_the_licence_is_that_of_the_framework():
    own = Path(__file__).parents[2] / "LICENSE"
    assert rendered(new_plugin("kb", "x"))["LICENSE"] == own.read_text(encoding="utf-8")
