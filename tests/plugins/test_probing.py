import sys

from kpframework.plugins import probing
from kpframework.plugins.discovery import scan
from kpframework.plugins.survey import survey
from kpframework.testing.distributions import fake_plugin


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
    assert record.fix == "kpframework plugins disable toy"


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
