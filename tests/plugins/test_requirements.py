"""What a distribution requires is read from metadata: of what is installed, as far as it holds."""

from __future__ import annotations

import json

import pytest

from kpframework.plugins import requirements
from kpframework.plugins.editable import distribution_digest, source_digest
from kpframework.plugins.requirements import built_on, closure, pinned, required, versions
from kpframework.testing.distributions import fake_distribution, fake_plugin


def forget():
    cached = (requirements._requires, requirements._version, built_on)
    for own in (*cached, source_digest, distribution_digest):
        own.cache_clear()


@pytest.fixture(autouse=True)
def _forget():
    forget()
    yield
    forget()


def test_all_that_is_required_is_there_with_its_version(site):
    fake_distribution(site, "a", requires=["B_c>=1", "absent"])
    fake_distribution(site, "b-c", version="2.0", requires=["d; python_version < '3'", "e"])
    fake_distribution(site, "d", requires=[])
    fake_distribution(site, "e", requires=["a"])
    assert closure(["a"]) == {"a": "1.0", "b-c": "2.0", "e": "1.0"}
    assert versions(required(["a"])) == {"b-c": "2.0"}


def test_an_extra_counts_where_it_is_asked_for(site):
    fake_distribution(site, "a", requires=["b[fast]", "c", "mine; extra == 'test'"])
    for name in ("b", "c"):
        fake_distribution(site, name, requires=["speed; extra == 'fast'", "frills; extra == 'all'"])
    for name in ("speed", "frills", "mine"):
        fake_distribution(site, name, requires=[])
    assert set(closure(["a"])) == {"a", "b", "c", "speed"}


def test_metadata_that_is_wrong_is_passed_over(site):
    fake_distribution(site, "a", requires=["==no requirement", "b"])
    fake_distribution(site, "b", requires=[])
    assert set(closure(["a", "nobody-has-this"])) == {"a", "b"}


def test_a_plugin_is_built_on_what_is_made_for_kpframework_too(site):
    fake_plugin(site, "top", requires=["kpframework>=0.1", "kp-plugin-middle", "torch"])
    fake_plugin(site, "middle", requires=["kpframework>=0.1", "acme-names"])
    fake_distribution(site, "acme-names", requires=["kpframework>=0.1"])
    assert built_on("kp-plugin-top") == ("acme-names", "kp-plugin-middle")
    assert built_on("acme-names") == ()


def test_plugins_that_require_each_other_are_no_endless_loop(site):
    fake_plugin(site, "a", requires=["kpframework", "kp-plugin-b"])
    fake_plugin(site, "b", requires=["kpframework", "kp-plugin-a"])
    assert built_on("kp-plugin-a") == ("kp-plugin-b",)


def test_what_is_edited_in_place_is_pinned_by_its_source_too(site):
    plugin = fake_plugin(site, "toy", version="0.3")
    assert pinned(plugin.name) == "0.3"
    info = site / "kp_plugin_toy-0.3.dist-info"
    (info / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}}))
    forget()
    before = pinned(plugin.name)
    assert before.startswith("0.3 source:")
    (site / plugin.module / "target.py").write_text("class Target: pass\n")
    forget()
    assert pinned(plugin.name) not in {before, "0.3"}


BACKENDS = {
    "a list of modules": {"top_level.txt": "acme_common\n"},
    "a path": {"../_acme.pth": "{project}\n"},
    "a finder": {
        "../_acme.pth": "import _acme_finder",
        "../_acme_finder.py": "F.map_module('acme_common', '{project}/acme_common/__init__.py')",
    },
}


@pytest.fixture
def edited(site, tmp_path, monkeypatch):
    """Return what installs ``acme-kp-common`` in place, whose modules are named otherwise."""
    project = tmp_path / "project" / "src"

    def install(backend, *files):
        for file in files:
            (project / file).parent.mkdir(parents=True, exist_ok=True)
            (project / file).write_text("WIDTH = 1\n")
        info = fake_distribution(site, "acme-kp-common")
        origin = {"url": project.parent.as_uri(), "dir_info": {"editable": True}}
        (info / "direct_url.json").write_text(json.dumps(origin))
        for name, text in BACKENDS[backend].items():
            (info / name).write_text(text.format(project=project))
            if name.startswith(".."):
                with (info / "RECORD").open("a") as record:
                    record.write(f"{name[3:]},,\n")
        monkeypatch.syspath_prepend(str(project))
        return project

    return install


@pytest.mark.parametrize("backend", BACKENDS)
def test_modules_that_are_named_otherwise_than_their_distribution_are_found(edited, backend):
    project = edited(backend, "acme_common/__init__.py", "acme_common/names.py")
    before = pinned("acme-kp-common")
    assert before.startswith("1.0 source:")
    (project / "acme_common" / "names.py").write_text("WIDTH = 2\n")
    forget()
    assert pinned("acme-kp-common") != before


def test_each_module_counts(edited):
    project = edited("a path", "acme_a.py", "acme_b/__init__.py", "acme_space/inner/c.py")
    seen = {pinned("acme-kp-common")}
    for file in ("acme_a.py", "acme_b/__init__.py", "acme_space/inner/c.py"):
        (project / file).write_text("WIDTH = 2\n")
        forget()
        seen.add(pinned("acme-kp-common"))
    assert len(seen) == 4


def test_what_lies_beside_a_package_in_its_project_does_not_count(edited):
    files = ("pyproject.toml", "acme_common/__init__.py", "tests/__init__.py", "setup.py")
    project = edited("a path", *files)
    before = pinned("acme-kp-common")
    for file in ("tests/__init__.py", "setup.py", "scratch.py"):
        (project / file).write_text("WIDTH = 2\n")
    forget()
    assert pinned("acme-kp-common") == before != "1.0"


def test_a_module_by_the_name_of_pythons_own_does_no_harm(edited):
    edited("a path", "acme_common/__init__.py", "time.py")
    assert pinned("acme-kp-common").startswith("1.0 source:")


def test_the_example_that_imports_other_plugins_is_built_on_them():
    assert set(built_on("kp-plugin-hpo-typing")) == {
        "kp-plugin-classification",
        "kp-plugin-linkers",
    }
