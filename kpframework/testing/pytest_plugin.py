"""Fixtures for tests of plugins; installed with the framework, and imported with every pytest.

So nothing but pytest is imported here until a fixture is used.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kpframework.kb.store import KBStore
    from kpframework.plugins import Registry
    from kpframework.testing.distributions import FakeDistribution


@dataclass(frozen=True)
class CliResult:
    """What a command of ``kpframework`` did."""

    code: int
    out: str
    err: str

    def ok(self) -> CliResult:
        """Return itself; a failed assertion with what it wrote unless its exit code is 0."""
        assert self.code == 0, self.err or self.out
        return self

    @property
    def json(self) -> Any:
        """What it printed, read as JSON."""
        return json.loads(self.out)


@dataclass
class IsolatedPlugins:
    """Plugins of one test: none is in use but those it names, settings and cache are its own."""

    folder: Path
    """On the import path; fake distributions are written here."""
    _monkeypatch: pytest.MonkeyPatch = field(repr=False)
    _used: list[str] = field(default_factory=list)

    def use(self, *names: str) -> IsolatedPlugins:
        """Use installed plugins or distributions, beside those already named."""
        self._used += names
        self._monkeypatch.setenv("KPFRAMEWORK_PLUGINS", ",".join(self._used))
        return self

    def install(
        self, plugin: str, components: Sequence[tuple[str, str]] = (), **how: Any
    ) -> FakeDistribution:
        """Install a fake plugin and use it; see `kpframework.testing.distributions.fake_plugin`."""
        from importlib import invalidate_caches

        from kpframework.testing.distributions import fake_plugin

        made = fake_plugin(self.folder, plugin, components=components, **how)
        invalidate_caches()
        self.use(plugin)
        return made

    def load(self) -> Registry:
        """Return the components of the plugins in use."""
        from kpframework.plugins import load

        return load()


@pytest.fixture
def kp_plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[IsolatedPlugins]:
    """A plugin manager of the test's own, with no plugin in use: see `IsolatedPlugins`."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("KPFRAMEWORK_CONFIG", str(tmp_path / "kp-config"))
    monkeypatch.setenv("KPFRAMEWORK_CACHE", str(tmp_path / "kp-cache"))
    monkeypatch.setenv("KPFRAMEWORK_PLUGINS", "")
    monkeypatch.syspath_prepend(str(folder))
    yield IsolatedPlugins(folder, monkeypatch)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]


@pytest.fixture
def kp_kb() -> KBStore:
    """The stored tiny knowledge base: `kpframework.testing.knowledge.TinyKB`."""
    from kpframework.testing.conformance.world import knowledge_base

    return knowledge_base()


@pytest.fixture
def kp_host() -> Callable[[str], tuple[Any, Any]]:
    """Return (model, tokenizer) of an architecture of `kpframework.testing.tiny`.

    The model has random weights, the same in each test, and is the test's own.
    """
    from kpframework.testing.conformance.world import fresh_model, tokenizer

    def host(architecture: str = "bert-classifier") -> tuple[Any, Any]:
        return fresh_model(architecture), tokenizer(architecture)

    return host


@pytest.fixture
def kp_project(tmp_path: Path) -> Callable[..., Path]:
    """Write a tiny project and return its spec: `kpframework.testing.project.tiny_project`."""
    from kpframework.testing.project import tiny_project

    return lambda **changes: tiny_project(tmp_path / "project", **changes)


@pytest.fixture
def kp_cli() -> Callable[..., CliResult]:
    """Run a command in this process: ``kp_cli("plugins", "list", "--json").ok().json``."""

    def cli(*arguments: str) -> CliResult:
        from kpframework.cli.root import run

        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(list(arguments))
        return CliResult(code, out.getvalue(), err.getvalue())

    return cli
