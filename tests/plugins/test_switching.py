import json

import pytest

from kpframework.errors import KpError, PluginError
from kpframework.plugins.discovery import scan
from kpframework.plugins.settings import settings_file
from kpframework.plugins.switching import disable, enable
from kpframework.testing.distributions import fake_plugin


def state(name):
    return next(r.state for r in scan() if r.name == name)


def test_disable_and_enable_are_a_round_trip(site):
    fake_plugin(site, "toy")
    assert disable(["toy"]) == ["toy"]
    assert state("toy") == "disabled"
    assert disable(["toy"]) == []
    assert enable(["kp-plugin-toy"]) == ["toy"]
    assert state("toy") == "ok"


def test_a_plugin_is_disabled_without_being_imported(site):
    fake_plugin(site, "toy", before="raise SystemExit")
    assert disable(["toy"]) == ["toy"]


def test_a_plugin_that_was_uninstalled_can_still_be_enabled(site):
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(json.dumps({"version": 1, "disabled": ["kp-gone:gone"]}))
    assert enable(["kp-gone:gone"]) == ["kp-gone:gone"]
    assert json.loads(settings_file().read_text())["disabled"] == []


def test_an_unknown_plugin_is_an_error_with_a_suggestion_and_changes_nothing(site):
    fake_plugin(site, "toy")
    with pytest.raises(PluginError) as caught:
        disable(["toyy", "toy"])
    assert caught.value.code == "KP205"
    assert "Did you mean 'toy'?" in str(caught.value)
    assert state("toy") == "ok"


@pytest.mark.parametrize("content", ["{", '{"disabled": 3}', "[]", '{"disabled": [1]}'])
def test_a_damaged_settings_file_is_an_error_that_names_it(content):
    settings_file().parent.mkdir(parents=True)
    settings_file().write_text(content)
    with pytest.raises(KpError) as caught:
        scan()
    assert caught.value.code == "KP207"
    assert str(settings_file()) in str(caught.value)


def test_settings_that_cannot_be_written_are_an_error(site, tmp_path, monkeypatch):
    fake_plugin(site, "toy")
    (tmp_path / "a-file").write_text("")
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "a-file" / "below"))
    with pytest.raises(KpError, match="KP207"):
        disable(["toy"])
