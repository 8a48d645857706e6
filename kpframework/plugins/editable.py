"""Distributions that are edited in place: their version does not tell what they hold."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path


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
    if found is None or found.origin is None:
        return ""
    origin = Path(found.origin)
    packaged = bool(found.submodule_search_locations)
    files = sorted(origin.parent.rglob("*.py")) if packaged else [origin]
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(origin.parent).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_editable(name: str) -> bool:
    """Return whether a distribution was installed in place (PEP 610)."""
    try:
        text = distribution(name).read_text("direct_url.json")
        return bool(text) and bool(json.loads(text or "").get("dir_info", {}).get("editable"))
    except (PackageNotFoundError, ValueError, AttributeError):
        return False
