"""What a plugin's distribution promises before any of its components is used."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, requires
from importlib.util import find_spec
from pathlib import Path

from kpframework.plugins.doctor import packaging_problems
from kpframework.plugins.records import PluginRecord
from kpframework.testing.conformance.model import check, ensure, fail

HEAVY = ("torch", "transformers", "tensorflow", "jax", "numpy", "pandas", "pyarrow", "scipy")
"""Packages that declaring components takes no part of; an option model neither."""
PICKLES = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle")
PUBLIC = ("kpframework", "kpframework.api", "kpframework.testing")
LIMIT_SECONDS = 60

_IMPORTS = """
import importlib, json, sys
heavy, names, found = json.loads(sys.argv[1]), sys.argv[2:], {}
for name in names:
    importlib.import_module(name)
    found[name] = [h for h in heavy if h in sys.modules]
print(json.dumps(found))
"""


@dataclass
class PluginSubject:
    """An installed plugin."""

    record: PluginRecord

    @property
    def label(self) -> str:
        """How cases name it."""
        return f"plugin/{self.record.name}"

    @cached_property
    def sources(self) -> list[Path]:
        """The Python files of the package that declares the components."""
        package = self.record.module.partition(".")[0]
        spec = find_spec(package)
        if spec is None or spec.origin is None:
            return []
        origin = Path(spec.origin)
        return sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]

    @cached_property
    def heavy(self) -> dict[str, list[str]]:
        """Which heavy packages are there after importing the declarations, then each model."""
        models = [c.config.partition(":")[0] for c in self.record.components]
        return _heavy(list(dict.fromkeys([self.record.module, *models])))


@check("plugin")
def is_usable(subject: PluginSubject) -> None:
    """It loads, and no other plugin offers the same names."""
    record = subject.record
    ensure(record.state == "ok", f"{record.state}: {record.reason}; fix: {record.fix}")


@check("plugin")
def is_packaged_well(subject: PluginSubject) -> None:
    """It declares which versions of kpframework it works with, and is named as its distribution."""
    problems = packaging_problems([subject.record])
    ensure(not problems, "; ".join(f"{p.message}; {p.fix}" for p in problems))


@check("plugin")
def declares_its_dependencies(subject: PluginSubject) -> None:
    """Plugins whose packages it imports are among its requirements."""
    own = subject.record.module.partition(".")[0]
    used = {
        module.partition(".")[0]
        for path in subject.sources
        for module, _ in imported(path)
        if module.startswith("kp_plugin_")
    } - {own}
    try:
        lines = requires(subject.record.distribution) or []
    except PackageNotFoundError:
        lines = []
    declared = [line.lower().replace("_", "-") for line in lines]
    missing = [
        name for name in sorted(used) if not any(name.replace("_", "-") in own for own in declared)
    ]
    ensure(not missing, f"its code imports {', '.join(missing)}, which it does not require")


@check("plugin")
def declaration_is_import_light(subject: PluginSubject) -> None:
    """Its declaring module imports no heavy library."""
    module = subject.record.module
    heavy = subject.heavy[module]
    ensure(not heavy, f"importing {module} imports {', '.join(heavy)}")


@check("plugin")
def options_are_import_light(subject: PluginSubject) -> None:
    """Models of options import no heavy library: specs are validated without one."""
    for module, heavy in subject.heavy.items():
        if module != subject.record.module:
            ensure(not heavy, f"importing {module} imports {', '.join(heavy)}")


@check("plugin")
def code_knows_no_pickle(subject: PluginSubject) -> None:
    """Its code imports no pickling library, and calls no torch.load or allow_pickle."""
    for path in subject.sources:
        for module, line in imported(path):
            if module.partition(".")[0] in PICKLES:
                fail(f"{path.name}:{line} imports {module}")
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                loose = any(
                    k.arg == "allow_pickle" and getattr(k.value, "value", True)
                    for k in node.keywords
                )
                ensure(
                    name not in ("torch.load", "torch.save") and not loose,
                    f"{path.name}:{node.lineno} calls {name}: use safetensors, JSON or .npy",
                )


@check("plugin")
def imports_public_names_alone(subject: PluginSubject) -> None:
    """Of the framework it imports kpframework, kpframework.api and kpframework.testing alone."""
    for path in subject.sources:
        for module, line in imported(path):
            own = module.partition(".")[0] == "kpframework"
            ensure(
                not own or module in PUBLIC or module.startswith("kpframework.testing."),
                f"{path.name}:{line} imports {module}, which may change in any release",
            )


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Yield (module, line) of every absolute import of a file."""
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def _heavy(modules: list[str]) -> dict[str, list[str]]:
    """Return which heavy packages are there after each import, in a process of its own."""
    command = [sys.executable, "-P", "-c", _IMPORTS, json.dumps(HEAVY), *modules]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
        env=environment,
        check=False,
    )
    try:
        found: dict[str, list[str]] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        fail(f"it cannot be imported: {' '.join(done.stderr.split())[-300:]}")
    return found
