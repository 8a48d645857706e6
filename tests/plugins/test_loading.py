import logging
import sys

import pytest

from kpframework.errors import PluginError, SpecError
from kpframework.plugins import load, probing
from kpframework.testing.distributions import broken_plugins, fake_plugin


@pytest.fixture(autouse=True)
def _only_fakes(monkeypatch):
    ways = ("import", "syntax", "sleeps", "exits", "ends", "hangs", "taken")
    allowed = ["toy", "other", *(f"bad-{way}" for way in ways)]
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", ",".join(allowed))


def record(registry, name):
    (found,) = (p for p in registry.plugins if p.name == name)
    return found


def broken(site, **sources):
    fake_plugin(site, "toy", **sources)
    found = record(load(), "toy")
    assert found.state == "broken"
    assert "kpframework plugins disable toy" in found.fix
    return found.reason


def test_components_of_an_installed_plugin_are_there(site):
    fake_plugin(site, "toy", components=[("mapper", "toy-mapper"), ("kb", "toy-kb")])
    registry = load()
    assert registry.names("mapper") == ["toy-mapper"]
    assert [c.qualified for c in registry.components()] == ["toy/toy-kb", "toy/toy-mapper"]
    assert record(registry, "toy").state == "ok"


def test_plugins_that_cannot_be_imported_leave_the_others_alone(site, monkeypatch):
    monkeypatch.setattr(probing, "LIMIT_SECONDS", 5.0)
    broken_plugins(site, sleep_seconds=0.1)
    fake_plugin(site, "toy", components=[("mapper", "toy-mapper")])
    registry = load()
    assert registry.get("mapper", "toy-mapper").plugin == "toy"
    assert [p.name for p in registry.plugins if p.usable] == ["bad-sleeps", "bad-taken", "toy"]
    assert record(registry, "bad-import").reason == (
        "ModuleNotFoundError: No module named 'a_module_nobody_has'"
    )
    assert record(registry, "bad-syntax").reason.startswith("SyntaxError: ")
    assert "line 1" in record(registry, "bad-syntax").reason
    assert record(registry, "bad-exits").reason == "it calls sys.exit(7)"
    assert record(registry, "bad-ends").reason == "loading it ends the process (exit code 0)"
    assert record(registry, "bad-hangs").reason == "not loaded within 5 s"


def test_a_missing_module_that_an_extra_brings_is_named_in_the_fix(site):
    fake_plugin(
        site,
        "toy",
        before="import pronto_nobody_has",
        requires=["kpframework>=0.1", "pronto-nobody-has>=2; extra == 'obo'"],
    )
    assert "'kp-plugin-toy[obo]'" in record(load(), "toy").fix


def test_a_misspelt_hook_is_reported_with_a_suggestion(site):
    reason = broken(site, after="@hookimpl\ndef kp_docter():\n    return []")
    assert "no hook is named 'kp_docter'" in reason
    assert "'kp_doctor'" in reason


def test_an_unknown_argument_of_a_hook_is_reported(site):
    reason = broken(site, after="@hookimpl\ndef kp_after_step(stepp):\n    pass")
    assert "stepp" in reason


def test_a_component_of_an_unknown_kind_is_reported(site):
    assert "unknown component kind 'maper'" in broken(site, components=[("maper", "toy")])


def test_a_component_declared_twice_is_reported(site):
    assert "declared twice" in broken(site, components=[("kb", "toy"), ("kb", "toy")])


def test_a_hook_that_returns_something_else_is_reported(site):
    source = "@hookimpl\ndef kp_components():\n    return ['toy']"
    assert "'toy', which is no Component" in broken(site, after=source)


def test_a_hook_that_raises_after_its_first_component_is_reported(site):
    source = "@hookimpl\ndef kp_components():\n    raise OSError('disk')\n    yield"
    assert broken(site, after=source) == "OSError: disk"


def test_what_a_plugin_prints_at_import_does_not_reach_stdout(site, capsys):
    fake_plugin(site, "toy", before="print('hello')")
    load()
    assert capsys.readouterr().out == ""


def test_a_slow_import_is_warned_of_by_name(site, caplog):
    fake_plugin(site, "toy", before="import time\ntime.sleep(0.3)")
    with caplog.at_level(logging.WARNING):
        registry = load()
    assert "slow import: 0.3 s" in record(registry, "toy").note
    assert "'kp-plugin-toy'" in caplog.text


def test_a_plugin_is_not_imported_until_it_is_used(site):
    fake_plugin(site, "toy", components=[("mapper", "toy-mapper")])
    registry = load()
    component = registry.get("mapper", "toy-mapper")
    assert "kp_plugin_toy" not in sys.modules
    assert registry.load_target(component).__name__ == "Target"
    assert "size" in registry.load_config(component).model_fields


def test_a_plugin_whose_module_changed_is_loaded_anew(site):
    fake_plugin(site, "toy", components=[("mapper", "before")])
    assert load().names("mapper") == ["before"]
    fake_plugin(site, "toy", components=[("mapper", "after-the-change")])
    assert load().names("mapper") == ["after-the-change"]


def test_a_remembered_failure_is_tried_again_before_it_is_an_error(site):
    fake_plugin(site, "toy", before="import a_module_nobody_has", components=[("kb", "toy-kb")])
    assert record(load(), "toy").state == "broken"
    registry = load()
    (site / "a_module_nobody_has.py").write_text("")
    assert registry.get("kb", "toy-kb").plugin == "toy"
    assert record(registry, "toy").state == "ok"


def test_what_hung_is_not_tried_again_until_its_files_change(site, tmp_path, monkeypatch):
    monkeypatch.setattr(probing, "LIMIT_SECONDS", 3.0)
    log = tmp_path / "log"
    source = f"import time\nopen({str(log)!r}, 'a').write('x')\ntime.sleep(60)"
    fake_plugin(site, "toy", before=source, components=[("kb", "toy-kb")])
    load()
    registry = load()
    with pytest.raises(SpecError, match=r"not in use: .*toy \(broken\)"):
        registry.get("mapper", "mistyped")
    with pytest.raises(PluginError, match="not loaded within 3 s"):
        registry.get("kb", "toy")
    assert log.read_text() == "x"
    fake_plugin(site, "toy", components=[("kb", "toy-kb")])
    assert registry.get("kb", "toy-kb").plugin == "toy"


def test_safe_mode_uses_no_plugin(site):
    fake_plugin(site, "toy", before="raise AssertionError('imported')")
    registry = load(safe_mode=True)
    assert {p.state for p in registry.plugins} == {"disabled"}
    assert registry.components() == []
    assert "--safe-mode" in record(registry, "toy").fix


def test_an_empty_allow_list_is_safe_mode(site, monkeypatch):
    fake_plugin(site, "toy", components=[("mapper", "toy")])
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "")
    assert load().components() == []
