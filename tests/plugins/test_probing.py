import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from kpframework.plugins import probing
from kpframework.plugins.discovery import scan
from kpframework.plugins.survey import survey
from kpframework.testing.distributions import fake_plugin

posix = pytest.mark.skipif(os.name == "nt", reason="stands for Python by a shell script")
HELD = """
import fcntl, os
held = open({path!r}, "w")
fcntl.flock(held, fcntl.LOCK_EX)
print(os.getpid(), file=held, flush=True)
while True:
    pass
"""
"""A plugin that hangs, and whose end shows even where nobody collects dead processes."""


def scanned(*names):
    return [r for r in scan() if r.name in names]


def test_a_plugin_is_loaded_in_another_process(site):
    fake_plugin(site, "toy", before="print('noise')", components=[("mapper", "toy")])
    (record,) = probing.probe(scanned("toy"))
    assert [c.name for c in record.components] == ["toy"]
    assert "kp_plugin_toy" not in sys.modules


def test_plugins_are_loaded_in_one_process_until_there_is_something_to_say_of_one(
    site, monkeypatch
):
    counted = []
    loaded = probing._loaded
    monkeypatch.setattr(
        probing,
        "_loaded",
        lambda given, doctor: counted.append(len(given)) or loaded(given, doctor),
    )
    for name in ("a", "b", "d"):
        fake_plugin(site, name, components=[("mapper", name)])
    assert [r.state for r in probing.probe(scanned("a", "b", "d"))] == ["ok"] * 3
    assert counted == [3]
    fake_plugin(site, "c", before="import os\nos._exit(0)")
    found = probing.probe(scanned("a", "b", "c", "d"))
    assert [(r.name, r.state) for r in found] == [
        ("a", "ok"), ("b", "ok"), ("c", "broken"), ("d", "ok")
    ]  # fmt: skip
    assert counted[1:] == [4, 1]


def test_what_one_plugin_imports_is_not_held_against_the_next(site):
    (site / "tensorflow.py").touch()
    fake_plugin(site, "a", before="import tensorflow")
    fake_plugin(site, "b", before="import tensorflow")
    assert ["imports tensorflow" in r.note for r in probing.probe(scanned("a", "b"))] == [
        True,
        True,
    ]


def test_a_terminal_is_told_what_is_waited_for(site, monkeypatch, capsys):
    monkeypatch.setattr(probing, "QUIET_SECONDS", 0.1)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    fake_plugin(site, "toy", before="import time\ntime.sleep(0.5)")
    probing.probe(scanned("toy"))
    assert "loading a plugin that is new or changed" in capsys.readouterr().err


def test_a_plugin_that_takes_too_long_is_broken(site, monkeypatch):
    monkeypatch.setattr(probing, "LIMIT_SECONDS", 1.0)
    fake_plugin(site, "toy", before="import time\ntime.sleep(60)")
    (record,) = probing.probe(scanned("toy"))
    assert (record.state, record.reason) == ("broken", "not loaded within 1 s")
    assert record.fix == (
        "kpframework plugins doctor toy (tries it again), or: kpframework plugins disable toy"
    )


def test_a_plugin_that_ends_its_process_is_broken(site):
    fake_plugin(site, "toy", before="import os\nos._exit(9)")
    (record,) = probing.probe(scanned("toy"))
    assert record.state == "broken"
    assert "exit code 9" in record.reason


def test_what_was_found_is_remembered_without_another_load(site):
    fake_plugin(site, "toy", before="import a_module_nobody_has")
    probing.probe(scanned("toy"))
    (record,) = survey(scanned("toy"), imports=False)
    assert record.state == "broken"
    assert "a_module_nobody_has" in record.reason


def test_a_memory_that_is_damaged_is_as_good_as_none(site, tmp_path):
    fake_plugin(site, "toy", components=[("mapper", "toy")])
    probing.probe(scanned("toy"))
    (tmp_path / "config" / "plugins-loaded.json").write_text('{"kp-plugin-toy:toy@x": 3')
    (record,) = survey(scanned("toy"))
    assert [c.name for c in record.components] == ["toy"]


def test_the_doctor_hook_is_asked_and_its_failure_is_a_problem(site):
    problem = "from kpframework.errors import Problem\n@hookimpl\ndef kp_doctor():\n    {}"
    fake_plugin(
        site, "good", after=problem.format("yield Problem('KP999', 'no licence', 'get one')")
    )
    fake_plugin(site, "ill", after=problem.format("raise OSError('disk')"))
    good, ill = probing.diagnose(scanned("good", "ill"))
    assert [p.message for p in good.problems] == ["no licence"]
    assert ill.problems[0].code == "KP209"
    assert "OSError: disk" in ill.problems[0].message


@pytest.fixture
def python(tmp_path, monkeypatch):
    """Put a shell script in the place of the interpreter."""

    def put(script):
        path = tmp_path / "application"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(path))

    return put


@pytest.mark.parametrize("source", ["", "import a_module_nobody_has"], ids=["sound", "broken"])
def test_a_path_that_is_no_text_on_the_import_path_changes_nothing(site, monkeypatch, source):
    monkeypatch.setattr(sys, "path", [*sys.path, Path("notebooks")])
    fake_plugin(site, "toy", before=source, components=[("mapper", "toy")])
    (record,) = probing.probe(scanned("toy"))
    assert ("a_module_nobody_has" in record.reason) == bool(source)
    assert [c.name for c in record.components] == ([] if source else ["toy"])
    assert "kp_plugin_toy" not in sys.modules
    (known,) = survey(scanned("toy"), imports=False)
    assert (known.state, known.reason) == (record.state, record.reason)


@posix
@pytest.mark.parametrize("script", ["exit 2", "echo usage: application FILE", "exec sleep 30"])
@pytest.mark.parametrize("load", ["probe", "retry", "diagnose"])
def test_where_no_process_starts_plugins_are_loaded_in_this_one(
    site, monkeypatch, python, script, load
):
    monkeypatch.setattr(probing, "START_SECONDS", 0.5)
    monkeypatch.setattr(probing, "LIMIT_SECONDS", 3.0)
    python(script)
    for name in ("a", "b"):
        fake_plugin(site, name, components=[("mapper", name)])
    found = getattr(probing, load)(scanned("a", "b"))
    found = [d.record for d in found] if load == "diagnose" else found
    assert [(r.state, r.components[0].name) for r in found] == [("ok", "a"), ("ok", "b")]
    assert {"kp_plugin_a", "kp_plugin_b"} <= sys.modules.keys()
    assert [r.state for r in survey(scanned("a", "b"), imports=False) if r.components] == ["ok"] * 2


@pytest.mark.parametrize("executable", ["", None])
def test_an_application_that_knows_no_interpreter_loads_plugins_itself(
    site, monkeypatch, executable
):
    monkeypatch.setattr(sys, "executable", executable)
    fake_plugin(site, "toy", before="import a_module_nobody_has")
    (record,) = probing.probe(scanned("toy"))
    assert record.reason == "ModuleNotFoundError: No module named 'a_module_nobody_has'"


def test_what_was_imported_here_before_its_files_changed_is_not_remembered(site, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    fake_plugin(site, "toy", components=[("mapper", "before")])
    probing.probe(scanned("toy"))
    fake_plugin(site, "toy", components=[("mapper", "after-the-change")])
    probing.probe(scanned("toy"))
    (record,) = survey(scanned("toy"), imports=False)
    assert record.components == ()


@pytest.mark.parametrize("end", ["\n", ""])
def test_what_start_up_files_print_is_no_answer(site, tmp_path, monkeypatch, end):
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "sitecustomize.py").write_text(f"print('welcome', end={end!r})")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "start"))
    fake_plugin(site, "toy", components=[("mapper", "toy")])
    (record,) = probing.probe(scanned("toy"))
    assert record.state == "ok"
    assert "kp_plugin_toy" not in sys.modules


@posix
def test_a_process_that_never_reads_is_not_waited_for(site, monkeypatch, python):
    monkeypatch.setattr(probing, "START_SECONDS", 0.5)
    python("exec sleep 8")
    fake_plugin(site, "toy", components=[("mapper", "toy")])
    # More than a pipe holds.
    (record,) = (replace(r, core_range=">=0.1" + " " * 300_000) for r in scanned("toy"))
    start = time.monotonic()
    assert probing.probe([record])[0].state == "ok"
    assert time.monotonic() - start < 6


@posix
def test_a_plugin_that_hangs_ends_with_the_process_that_asked(site, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    held = tmp_path / "held"
    fake_plugin(site, "toy", before=HELD.format(path=str(held)))
    code = "from kpframework.plugins import load; load()"
    environment = {**os.environ, "PYTHONPATH": str(site), "KPFRAMEWORK_PLUGINS": "toy"}
    asking = subprocess.Popen([sys.executable, "-c", code], env=environment)
    try:
        while not (held.exists() and held.read_text().strip()):
            assert asking.poll() is None
            time.sleep(0.05)
        asking.kill()
        asking.wait()
        end = time.monotonic() + 10
        with held.open("a") as file:
            while time.monotonic() < end:
                with suppress(BlockingIOError):
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return
                time.sleep(0.1)
        pytest.fail("it still runs")
    finally:
        asking.kill()
        with suppress(ProcessLookupError, OSError, ValueError):
            os.kill(int(held.read_text()), signal.SIGKILL)


def test_a_process_ends_by_itself_after_the_time_of_all_its_plugins(site):
    fake_plugin(site, "toy", before="while True:\n    pass")
    (record,) = scanned("toy")
    request = {"records": [asdict(record)], "doctor": False, "seconds": 1.0}
    done = subprocess.run(
        [sys.executable, "-c", "from kpframework.plugins.probed import main; main()"],
        input=json.dumps(request),
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert (done.returncode, done.stdout) == (1, "\nready\n")


def test_failures_are_tried_again_side_by_side(site, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    log = tmp_path / "log"
    source = (
        "import time\n"
        f"def say(word):\n    with open({str(log)!r}, 'a') as f: f.write(word + ' ')\n"
        "say('start')\ntime.sleep(2)\nsay('end')\nraise OSError('disk')"
    )
    for name in ("a", "b"):
        fake_plugin(site, name, before=source)
    assert [r.reason for r in probing.retry(scanned("a", "b"))] == ["OSError: disk"] * 2
    assert log.read_text().split() == ["start", "start", "end", "end"]
