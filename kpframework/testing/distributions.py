"""Fake installed distributions: plugins on a temporary path, without pip.

Put the folder on ``PYTHONPATH`` of a subprocess, or on ``sys.path``::

    def test_my_plugin_is_listed(tmp_path, monkeypatch):
        fake_plugin(tmp_path, "toy", components=[("mapper", "toy")])
        monkeypatch.syspath_prepend(tmp_path)
        assert "toy" in load().names("mapper")
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CORE_RANGE = "kpframework>=0.1"
"""What a fake distribution requires unless it is told otherwise."""

CONFIG = '''\
from pydantic import Field

from kpframework.api import ComponentConfig


class Config(ComponentConfig):
    """Options of the fake component."""

    size: int = Field(3, ge=1, description="How many.")
'''
TARGET = '''\
class Target:
    """Keeps what it is given."""

    def __init__(self, config, context):
        self.config = config
        self.context = context
'''


@dataclass(frozen=True)
class FakeDistribution:
    """An installed distribution, as far as metadata and imports can tell."""

    name: str
    version: str
    plugin: str
    """Name of its entry point."""
    module: str
    folder: Path
    """The folder to put on the import path."""


def fake_distribution(
    folder: Path,
    name: str,
    *,
    version: str = "1.0",
    requires: Iterable[str] = (CORE_RANGE,),
    entry_points: Mapping[str, str] | None = None,
    commands: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """Write a distribution's metadata and files into a folder; return its ``.dist-info`` folder.

    Args:
        folder: where, as if it were ``site-packages``; made if absent.
        name: name of the distribution.
        version: its version.
        requires: its ``Requires-Dist`` lines.
        entry_points: of the group ``kpframework``: plugin name -> module.
        commands: of the group ``kpframework.commands``: command name -> module.
        files: path relative to the folder -> text.
    """
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    header = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    header += [f"Requires-Dist: {line}" for line in requires]
    (info / "METADATA").write_text("\n".join(header) + "\n\nA fake.\n", encoding="utf-8")
    lines: list[str] = []
    for group, points in (("kpframework", entry_points), ("kpframework.commands", commands)):
        lines += [f"[{group}]", *(f"{name} = {module}" for name, module in (points or {}).items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path, text in (files or {}).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    record = [f"{path},," for path in (files or {})] + [f"{info.name}/RECORD,,"]
    (info / "RECORD").write_text("\n".join(record) + "\n", encoding="utf-8")
    return info


def fake_plugin(
    folder: Path,
    plugin: str,
    *,
    components: Sequence[tuple[str, str]] = (),
    before: str = "",
    after: str = "",
    version: str = "1.0",
    requires: Iterable[str] = (CORE_RANGE,),
    distribution: str = "",
) -> FakeDistribution:
    """Write a plugin with its declaring module, an option model and a target class.

    Args:
        folder: see `fake_distribution`.
        plugin: name of the entry point; the distribution is ``kp-plugin-NAME`` unless given.
        components: (kind, name) of what it declares.
        before: source put at the top of the declaring module, such as ``raise SystemExit``.
        after: source put at its end, such as further hooks.
        version: of the distribution.
        requires: its ``Requires-Dist`` lines.
        distribution: name of the distribution.
    """
    name = distribution or f"kp-plugin-{plugin}"
    module = name.replace("-", "_")
    declared = "".join(
        f"        Component({kind!r}, {short!r}, {module + '.target:Target'!r}, "
        f"{module + '.config:Config'!r}, 'A fake.'),\n"
        for kind, short in components
    )
    source = (
        f"{before}\nfrom kpframework import Component, hookimpl\n\n\n"
        f"@hookimpl\ndef kp_components():\n    return [\n{declared}    ]\n{after}\n"
    )
    fake_distribution(
        folder,
        name,
        version=version,
        requires=requires,
        entry_points={plugin: module},
        files={
            f"{module}/__init__.py": source,
            f"{module}/config.py": CONFIG,
            f"{module}/target.py": TARGET,
        },
    )
    return FakeDistribution(name, version, plugin, module, folder)


def broken_plugins(folder: Path, sleep_seconds: float = 5.0) -> dict[str, FakeDistribution]:
    """Write one plugin of each way to be broken; return them by that way.

    The ways: ``import`` (a missing module), ``syntax``, ``sleeps``, ``exits``, ``ends`` (its
    process, with nothing raised), ``hangs`` (what is found out once, after
    `kpframework.plugins.probing.LIMIT_SECONDS`), ``core-range``, and ``taken`` (it declares the
    mapper ``linear``, which the built-in mappers declare too).
    """
    ways: dict[str, dict[str, str]] = {
        "import": {"before": "import a_module_nobody_has"},
        "syntax": {"before": "def broken(:"},
        "sleeps": {"before": f"import time\ntime.sleep({sleep_seconds})"},
        "exits": {"before": "import sys\nsys.exit(7)"},
        "ends": {"before": "import os\nos._exit(0)"},
        "hangs": {"before": "while True:\n    pass"},
        "core-range": {"before": "raise AssertionError('an incompatible plugin was imported')"},
        "taken": {},
    }
    return {
        way: fake_plugin(
            folder,
            f"bad-{way}",
            components=[("mapper", "linear" if way == "taken" else f"bad-{way}")],
            requires=["kpframework>=99"] if way == "core-range" else [CORE_RANGE],
            **sources,
        )
        for way, sources in ways.items()
    }
