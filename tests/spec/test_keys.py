"""A component is keyed by its plugin, and by what that plugin may import from others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from kpframework.api import ComponentRef
from kpframework.plugins import requirements
from kpframework.plugins.editable import distribution_digest, source_digest
from kpframework.spec.resolve import bind_ref
from kpframework.testing.distributions import fake_plugin


def forget() -> None:
    cached = (requirements._requires, requirements._version, requirements.built_on)
    for own in (*cached, source_digest, distribution_digest):
        own.cache_clear()


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def key(kp_plugins: Any) -> Any:
    """Return the key data of a component whose plugin is built on ``kp-plugin-words``."""
    needed = ["kpframework>=0.1", "kp-plugin-words"]
    kp_plugins.install("top", [("linker", "top")], requires=needed)

    def made() -> dict[str, Any]:
        forget()
        ref = ComponentRef(type="top")
        return dict(bind_ref("linker", ref, kp_plugins.load()).key_data())

    return made


def test_another_version_of_what_it_is_built_on_is_another_key(kp_plugins: Any, key: Any) -> None:
    fake_plugin(kp_plugins.folder, "words", version="1.0")
    before = key()
    assert before["requires"] == {"kp-plugin-words": "1.0"}
    shutil.rmtree(kp_plugins.folder / "kp_plugin_words-1.0.dist-info")
    fake_plugin(kp_plugins.folder, "words", version="1.1")
    assert key() == {**before, "requires": {"kp-plugin-words": "1.1"}}


def test_an_edit_of_what_it_is_built_on_is_another_key(kp_plugins: Any, key: Any) -> None:
    words = fake_plugin(kp_plugins.folder, "words")
    info = kp_plugins.folder / "kp_plugin_words-1.0.dist-info"
    (info / "direct_url.json").write_text(json.dumps({"dir_info": {"editable": True}}))
    before = key()
    (kp_plugins.folder / words.module / "target.py").write_text("LONGEST = 3\n")
    assert key() != before
