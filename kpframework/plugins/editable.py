"""Distributions that are edited in place: their version does not tell what they hold."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from kpframework.digest import json_digest

_NOT_SHIPPED = {"benchmarks", "conftest", "docs", "examples", "noxfile", "setup", "test", "tests"}
"""What lies beside a package in the folder of its project."""
_ROOT = ("pyproject.toml", "setup.py", "setup.cfg")
_MAPPED = re.compile(r"""map_module\(\s*['"]([^'"]+)""")


@cache
def distribution_digest(name: str) -> str:
    """Return the sha256 of all Python files of a distribution, or an empty string.

    It is empty for one that was not installed with ``pip install -e``, or that has none.
    """
    if not is_editable(name):
        return ""
    digests = {own: source_digest(name, own) for own in sorted(_modules(distribution(name)))}
    found = {own: digest for own, digest in digests.items() if digest}
    return json_digest(found) if found else ""


def _modules(found: Distribution) -> set[str]:
    """Return the top-level modules of a distribution that was installed in place.

    Each build backend tells them in a way of its own: in ``top_level.txt``, by a path that is put
    on the import path, or by a finder.
    """
    names = {point.value.partition(":")[0] for point in found.entry_points}
    names |= set((found.read_text("top_level.txt") or "").split())
    for file in found.files or ():
        path = Path(str(found.locate_file(file)))
        if path.suffix == ".pth":
            names |= {own for folder in _folders(path) for own in _held(folder)}
        elif path.suffix == ".py":
            names |= {file.parts[0].removesuffix(".py"), *_MAPPED.findall(_text(path))}
    tops = {own.strip().partition(".")[0] for own in names}
    # Finders have an underscore in front, and hold paths of this machine.
    return {own for own in tops if own.isidentifier() and not own.startswith("_")}


def _folders(path: Path) -> Iterator[Path]:
    for line in _text(path).splitlines():
        if line.strip() and not line.startswith(("#", "import ", "import\t")):
            yield path.parent / line.strip()


def _held(folder: Path) -> set[str]:
    """Return the names of the modules and packages in a folder on the import path."""
    if not folder.is_dir():
        return set()
    if any((folder / name).is_file() for name in _ROOT):
        # Loose modules are scripts there as a rule; one that is shipped is declared, too.
        return {path.parent.name for path in folder.glob("*/__init__.py")} - _NOT_SHIPPED
    modules = {path.stem for path in folder.glob("*.py")}
    return modules | {path.relative_to(folder).parts[0] for path in folder.rglob("*/*.py")}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


@cache
def source_digest(name: str, module: str) -> str:
    """Return the sha256 of a package's Python files, or an empty string.

    It is empty for a distribution that was not installed with ``pip install -e``: there equal
    versions hold equal files.

    Args:
        name: of the distribution.
        module: any module of the package; nothing of it is imported.
    """
    if not is_editable(name):
        return ""
    found = find_spec(module.partition(".")[0])
    if found is None:
        return ""
    if found.origin is None:  # a namespace, which other distributions share
        project = _project(name)
        places = [Path(own) for own in found.submodule_search_locations or ()]
        folders = [own for own in places if project and own.resolve().is_relative_to(project)]
    elif not found.has_location:  # Python's own, of the same name
        return ""
    else:
        folders = [Path(found.origin).parent]
    packaged = found.submodule_search_locations is not None
    digest = hashlib.sha256()
    for folder in folders:
        files = sorted(folder.rglob("*.py")) if packaged else [Path(str(found.origin))]
        for path in files:
            digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest() if folders else ""


def is_editable(name: str) -> bool:
    """Return whether a distribution was installed in place (PEP 610)."""
    info = _origin(name).get("dir_info")
    return isinstance(info, dict) and bool(info.get("editable"))


def _project(name: str) -> Path | None:
    url = urlsplit(str(_origin(name).get("url", "")))
    return Path(url2pathname(url.path)).resolve() if url.scheme == "file" else None


def _origin(name: str) -> dict[str, Any]:
    """Return where a distribution was installed from, if its index is not it."""
    try:
        found = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
