"""The pages on writing a kind: their code is what `plugins new` writes, or passes its tests."""

import json
import re
import shlex
import subprocess
import sys
import tomllib

import pytest

from kpframework import component
from kpframework.scaffold import new_plugin, write_distribution
from kpframework.scaffold.render import rendered, spec_snippet
from kpframework.testing.distributions import fake_distribution

from .conftest import ROOT, blocks, write_files

KINDS = {
    "knowledge-base": "kb",
    "linker": "linker",
    "mapper": "mapper",
    "injector": "injector",
    "task": "task",
    "tracker": "tracker",
    "embeddings": "embeddings",
    "host": "host",
    "executor": "executor",
    "backbone": "backbone",
}
INJECTOR = ROOT / "docs/how-to/write-an-injector.md"


def page_of(what):
    (page,) = (ROOT / "docs/how-to").glob(f"write-*{what}.md")
    return page


def plugin_of(page):
    """Return the plugin that a page begins with."""
    first = blocks("bash", [page])[0].text
    *command, kind, name = shlex.split(first)
    assert command == ["kpframework", "plugins", "new"]
    return new_plugin(kind, name)


def test_every_kind_has_a_page_that_the_page_on_plugins_and_the_navigation_link():
    assert set(KINDS.values()) == set(component.KINDS)
    overview = (ROOT / "docs/how-to/write-a-plugin.md").read_text(encoding="utf-8")
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    for what in KINDS:
        name = page_of(what).name
        assert f"]({name})" in overview, name
        assert navigation.count(f"how-to/{name}") == 1, name


@pytest.mark.parametrize("what", KINDS)
def test_code_and_spec_of_a_page_are_what_the_command_writes(what):
    page = page_of(what)
    plugin = plugin_of(page)
    assert plugin.kind == KINDS[what]
    texts = "\n".join(rendered(plugin).values())
    shown = [b for b in (*blocks("python", [page]), *blocks("text", [page])) if not b.file]
    assert shown or page == INJECTOR
    for block in shown:
        assert block.text in texts, block
    (spec,) = blocks("json", [page])
    assert json.loads(spec.text) == spec_snippet(plugin)
    for line in page.read_text(encoding="utf-8").splitlines():
        for path in re.findall(rf"`{plugin.distribution}/([\w/.]+)`", line):
            assert path in rendered(plugin), path
    assert f"plugins check {plugin.name}\n" in page.read_text(encoding="utf-8")


def test_the_method_of_the_injectors_page_passes_its_tests_and_the_kit(tmp_path):
    plugin = plugin_of(INJECTOR)
    folder = tmp_path / plugin.distribution
    write_distribution(folder, rendered(plugin))
    before = (folder / "src/kp_plugin_my_gated_slot/injector.py").read_text(encoding="utf-8")
    write_files(INJECTOR, folder)
    text = (folder / "src/kp_plugin_my_gated_slot/injector.py").read_text(encoding="utf-8")
    assert text != before
    assert len(text.splitlines()) < 70
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    fake_distribution(
        folder / "src",
        project["name"],
        requires=project["dependencies"],
        entry_points=project["entry-points"]["kpframework"],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder / "src"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "config"))
        patch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "cache"))
        arguments = ["-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
        assert pytest.main([*arguments, f"--rootdir={folder}", str(folder / "tests")]) == 0
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--no-cache"], ["format", "--no-cache", "--diff"]):
        done = subprocess.run([*ruff, *command, "."], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
