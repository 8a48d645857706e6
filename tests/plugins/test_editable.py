"""A plugin that is edited in place is told from what it was before, though its version is not."""

from __future__ import annotations

import json

import pytest

from kpframework.plugins.editable import is_editable, source_digest


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return what installs a package of one module, in place or not."""

    def install(editable: bool):
        package = tmp_path / "kp_edited"
        package.mkdir()
        (package / "__init__.py").write_text("", "utf-8")
        (package / "mapper.py").write_text("WIDTH = 1\n", "utf-8")
        info = tmp_path / "kp_edited-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kp-edited\nVersion: 0.1\n")
        origin = {"url": "file:///somewhere", "dir_info": {"editable": editable}}
        (info / "direct_url.json").write_text(json.dumps(origin), "utf-8")
        monkeypatch.syspath_prepend(str(tmp_path))
        source_digest.cache_clear()
        return package

    return install


def digest() -> str:
    source_digest.cache_clear()
    return source_digest("kp-edited", "kp_edited.mapper")


def test_an_edited_file_changes_the_digest_and_restoring_it_restores_it(installed):
    package = installed(editable=True)
    before = digest()
    (package / "mapper.py").write_text("WIDTH = 2\n", "utf-8")
    assert digest() not in {before, ""}
    (package / "mapper.py").write_text("WIDTH = 1\n", "utf-8")
    assert digest() == before


def test_a_renamed_file_changes_the_digest(installed):
    package = installed(editable=True)
    before = digest()
    (package / "mapper.py").rename(package / "mappers.py")
    assert digest() != before


def test_a_distribution_that_is_not_edited_in_place_goes_by_its_version(installed):
    installed(editable=False)
    assert digest() == ""
    assert not is_editable("kp-edited")


def test_an_unknown_distribution_has_no_digest():
    assert source_digest("kp-no-such-thing", "kp_no_such_thing") == ""
