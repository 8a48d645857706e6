"""The files of a new distribution: which there are, and what stands in them."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment

    from kpframework.scaffold.names import Plugin

_REQUIRES = {
    "embeddings": ("numpy>=1.26",),
    "injector": ("torch>=2.6",),
    "host": ("transformers>=5.0",),
    "mapper": ("torch>=2.6",),
    "task": ("numpy>=1.26", "torch>=2.6"),
}
"""What the generated code of a kind imports besides kpframework and pydantic."""
_COMMON = {
    "pyproject.toml": "pyproject.toml.j2",
    "README.md": "README.md.j2",
    "CHANGELOG.md": "CHANGELOG.md.j2",
    ".gitignore": "gitignore.j2",
    ".github/workflows/test.yml": "test.yml.j2",
    "tests/test_conformance.py": "test_conformance.py.j2",
}
_FURTHER = {"executor": ("process",)}
"""Modules of a kind besides the usual ones."""


def rendered(plugin: Plugin) -> dict[str, str]:
    """Return the text of every file: path relative to the distribution's folder -> text."""
    package = f"src/{plugin.module}"
    own = {
        f"{package}/__init__.py": "init.py.j2",
        f"{package}/config.py": "config.py.j2",
        f"{package}/{plugin.kind}.py": "component.py.j2",
        f"tests/test_{plugin.kind}.py": "test.py.j2",
    }
    own |= {f"{package}/{m}.py": f"{m}.py.j2" for m in _FURTHER.get(plugin.kind, ())}
    names = {path: f"common/{name}" for path, name in _COMMON.items()}
    names |= {path: f"{plugin.kind}/{name}" for path, name in own.items()}
    values = _values(plugin)
    texts = {path: _environment().get_template(name).render(values) for path, name in names.items()}
    licence = files("kpframework.scaffold").joinpath("templates/common/LICENSE")
    return texts | {f"{package}/py.typed": "", "LICENSE": licence.read_text(encoding="utf-8")}


def spec_snippet(plugin: Plugin) -> dict[str, Any]:
    """Return a spec that lays the new component on another spec."""
    text = _environment().get_template(f"{plugin.kind}/spec.json.j2").render(_values(plugin))
    found: dict[str, Any] = json.loads(text)
    return found


def _values(plugin: Plugin) -> dict[str, Any]:
    return {
        "kind": plugin.kind,
        "name": plugin.name,
        "author": plugin.author,
        "distribution": plugin.distribution,
        "module": plugin.module,
        "cls": plugin.class_name,
        "core_range": plugin.core_range,
        "requires": _REQUIRES.get(plugin.kind, ()),
    }


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701  # what is written is Python and TOML, not HTML
        loader=PackageLoader("kpframework.scaffold", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["toml"] = lambda text: json.dumps(text, ensure_ascii=False)
    return environment
