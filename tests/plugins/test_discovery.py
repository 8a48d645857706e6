import sys

from kpframework.plugins.discovery import scan
from kpframework.testing.distributions import fake_distribution, fake_plugin


def found(name):
    (record,) = (r for r in scan() if r.name == name)
    return record


def test_a_plugin_is_found_without_being_imported(site):
    fake_plugin(site, "toy", before="raise RuntimeError('imported')", version="2.5")
    record = found("toy")
    assert (record.state, record.title, record.core_range) == ("ok", "kp-plugin-toy 2.5", ">=0.1")
    assert "kp_plugin_toy" not in sys.modules


def test_plugins_are_sorted_by_distribution_and_entry_point(site):
    for name in ("zeta", "alpha", "mid"):
        fake_plugin(site, name)
    keys = [r.key for r in scan()]
    assert keys == sorted(keys)


def test_a_range_that_excludes_this_core_is_incompatible(site):
    fake_plugin(site, "future", requires=["kpframework>=99,<100"])
    record = found("future")
    assert record.state == "incompatible"
    assert "needs kpframework<100,>=99" in record.reason
    assert record.fix.startswith("pip install")


def test_a_requirement_of_an_extra_does_not_count(site):
    fake_plugin(site, "toy", requires=["kpframework>=99; extra == 'future'"])
    assert found("toy").state == "ok"
    assert found("toy").core_range is None


def test_another_package_whose_name_starts_alike_does_not_count(site):
    fake_plugin(site, "toy", requires=["kpframework-extras>=99"])
    assert found("toy").state == "ok"


def test_invalid_metadata_is_a_broken_plugin(site):
    fake_plugin(site, "toy", requires=["kpframework >>> 1"])
    assert found("toy").state == "broken"
    assert "kpframework >>> 1" in found("toy").reason


def test_an_entry_point_that_is_no_module_is_a_broken_plugin(site):
    fake_distribution(site, "kp-plugin-odd", entry_points={"odd": "module:attribute"})
    assert found("odd").state == "broken"
    assert "'module:attribute'" in found("odd").reason


def test_the_second_copy_on_the_path_is_shadowed(site, tmp_path, monkeypatch):
    fake_plugin(site, "toy", version="2.0")
    other = tmp_path / "other"
    fake_plugin(other, "toy", version="1.0")
    monkeypatch.setattr(sys, "path", [*sys.path, str(other)])
    first, second = (r for r in scan() if r.name == "toy")
    assert (first.version, first.state) == ("2.0", "ok")
    assert (second.version, second.state) == ("1.0", "shadowed")
    assert str(site) in second.reason


def test_a_plugin_name_of_two_distributions_is_qualified(site):
    fake_plugin(site, "toy", distribution="kp-one")
    fake_plugin(site, "toy", distribution="kp-two")
    names = [r.name for r in scan()]
    assert "kp-one:toy" in names
    assert "kp-two:toy" in names
    assert "toy" not in names
