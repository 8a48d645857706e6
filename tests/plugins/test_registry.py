import pytest

from kpframework.errors import PluginError, SpecError
from kpframework.plugins import load, option_rows
from kpframework.plugins.switching import disable
from kpframework.testing.distributions import fake_plugin


@pytest.fixture(autouse=True)
def _only_fakes(monkeypatch):
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "one,two,icd,future")


@pytest.fixture
def conflict(site):
    fake_plugin(site, "one", components=[("mapper", "same"), ("mapper", "mine")])
    fake_plugin(site, "two", components=[("mapper", "same")])
    return load()


def states(registry):
    return {p.name: p.state for p in registry.plugins if p.state != "disabled"}


def test_two_providers_of_a_name_are_an_error_that_names_both(conflict):
    with pytest.raises(PluginError) as caught:
        conflict.get("mapper", "same")
    text = str(caught.value)
    assert caught.value.code == "KP203"
    for part in ("kp-plugin-one 1.0", "kp-plugin-two 1.0", "'one/same'", "'two/same'"):
        assert part in text


def test_both_providers_are_in_conflict_and_say_so(conflict):
    assert states(conflict) == {"one": "conflict", "two": "conflict"}
    assert all("'same'" in p.reason for p in conflict.plugins if p.state == "conflict")


def test_qualified_names_and_other_components_work_in_a_conflict(conflict):
    assert conflict.get("mapper", "one/same").distribution == "kp-plugin-one"
    assert conflict.get("mapper", "kp-plugin-two/same").plugin == "two"
    assert conflict.get("mapper", "mine").qualified == "one/mine"
    assert conflict.names("mapper") == ["mine", "one/same", "two/same"]


def test_a_conflict_is_gone_when_one_provider_is_disabled(conflict):
    disable(["two"])
    registry = load()
    assert registry.get("mapper", "same").plugin == "one"
    assert states(registry) == {"one": "ok"}


def test_the_same_name_of_another_kind_is_no_conflict(site):
    fake_plugin(site, "one", components=[("mapper", "same"), ("kb", "same")])
    assert load().get("kb", "same").kind == "kb"


def test_an_unknown_name_suggests_the_nearest_and_lists_what_there_is(conflict):
    with pytest.raises(SpecError) as caught:
        conflict.get("mapper", "mnie")
    assert caught.value.code == "KP201"
    assert "Did you mean 'mine'?" in str(caught.value)
    assert "mapper: mine, same" in str(caught.value)


def test_a_name_of_another_kind_is_pointed_out(site):
    fake_plugin(site, "one", components=[("linker", "exact")])
    with pytest.raises(SpecError, match="'exact' is of kind linker, not mapper"):
        load().get("mapper", "exact")


def test_a_component_of_a_disabled_plugin_names_the_command_that_enables_it(site):
    fake_plugin(site, "icd", components=[("kb", "metathesaurus")])
    load()
    disable(["icd"])
    with pytest.raises(PluginError) as caught:
        load().get("kb", "metathesaurus")
    assert caught.value.code == "KP204"
    assert "kpframework plugins enable icd" in str(caught.value)


def test_a_broken_plugin_that_may_offer_the_name_is_named_with_its_reason(site):
    fake_plugin(site, "icd", before="import a_module_nobody_has")
    with pytest.raises(PluginError) as caught:
        load().get("kb", "icd")
    assert "kp-plugin-icd 1.0 is installed but broken: ModuleNotFoundError" in str(caught.value)
    assert "pip install" in caught.value.problems[0].fix


def test_an_unknown_name_mentions_plugins_that_are_not_in_use(site):
    fake_plugin(site, "future", requires=["kpframework>=99"])
    with pytest.raises(SpecError, match=r"not in use: .*future \(incompatible\)"):
        load().get("kb", "something")


@pytest.mark.parametrize("kind", ["target", "config"])
def test_code_that_cannot_be_imported_is_an_error_with_distribution_and_fix(site, kind):
    plugin = fake_plugin(site, "one", components=[("mapper", "mine")])
    (site / plugin.module / f"{kind}.py").write_text("import a_module_nobody_has")
    registry = load()
    function = registry.load_target if kind == "target" else registry.load_config
    with pytest.raises(PluginError) as caught:
        function(registry.get("mapper", "mine"))
    assert caught.value.code == "KP206"
    assert "kp-plugin-one 1.0" in str(caught.value)
    assert "pip install" in str(caught.value)


def test_a_config_that_is_no_component_config_is_an_error(site):
    plugin = fake_plugin(site, "one", components=[("mapper", "mine")])
    (site / plugin.module / "config.py").write_text("class Config: pass")
    registry = load()
    with pytest.raises(PluginError, match="not a subclass of ComponentConfig"):
        registry.load_config(registry.get("mapper", "mine"))


HOOK = "@hookimpl\ndef kp_lock_entries():\n    {body}"


def test_a_hook_that_raises_does_not_keep_the_next_plugin_from_being_called(site):
    fake_plugin(site, "one", after=HOOK.format(body="raise SystemExit(3)"))
    fake_plugin(site, "two", after=HOOK.format(body="return {'release': '2025AA'}"))
    (first, error), second = load().call("kp_lock_entries")
    assert first == "one"
    assert isinstance(error, SystemExit)
    assert second == ("two", {"release": "2025AA"})


def test_hooks_of_remembered_plugins_are_called_in_order_with_their_arguments(site):
    hook = "@hookimpl\ndef kp_report_sections(results):\n    yield {'title': results['name']}"
    fake_plugin(site, "two", after=hook)
    fake_plugin(site, "one", after=hook)
    load()
    expected = [("one", [{"title": "run"}]), ("two", [{"title": "run"}])]
    assert load().call("kp_report_sections", results={"name": "run"}) == expected


def test_options_are_read_from_the_model(site):
    fake_plugin(site, "one", components=[("mapper", "mine")])
    registry = load()
    (row,) = option_rows(registry.load_config(registry.get("mapper", "mine")))
    assert (row.name, row.type, row.default, row.description) == ("size", "int", "3", "How many.")
