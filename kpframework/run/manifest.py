"""The manifest of a cached step: what lies there, from what, and proof that it is unchanged."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from kpframework.digest import file_digest, json_digest
from kpframework.errors import KpError
from kpframework.writing import sync

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What `MANIFEST` holds; it carries a sha256 of itself as well."""

    key: str
    kind: str
    name: str
    """The step's name when it was made; another plan may name it otherwise."""
    params: Mapping[str, Any]
    inputs: Mapping[str, str]
    """Keys of the inputs."""
    sources: tuple[str, ...]
    """The sha256 of each file or folder that was read."""
    files: Mapping[str, tuple[int, str]]
    """Size in bytes and sha256 of each output, by its path in the folder."""
    seconds: float
    metrics: Mapping[str, Any]
    made_in: Mapping[str, Any] = field(default_factory=dict)
    """Its surroundings when it was made; empty in manifests older than this field."""

    def write(self, folder: Path) -> None:
        """Write `MANIFEST` and bring it to the disk.

        Raises:
            ValueError: a metric is not finite.
            TypeError: a metric is not JSON.
        """
        (folder / MANIFEST).write_text(self._text(), encoding="utf-8")
        sync(folder / MANIFEST)

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read `MANIFEST`.

        Raises:
            FileNotFoundError: there is none.
            ValueError: it is damaged.
        """
        text = (folder / MANIFEST).read_bytes().decode("utf-8")
        content = json.loads(text)
        needed = {own.name for own in fields(cls) if own.default_factory is MISSING}
        if not isinstance(content, dict) or not needed <= set(content):
            raise ValueError("fields are missing")
        content.pop("sha256", None)
        content["files"] = {name: (size, sha) for name, (size, sha) in content["files"].items()}
        content["sources"] = tuple(content["sources"])
        manifest = cls(**content)
        if manifest._text() != text:
            raise ValueError("its content does not match its checksum")
        return manifest

    def _text(self) -> str:
        content = asdict(self)
        if not self.made_in:
            del content["made_in"]
        content["sha256"] = json_digest(content)
        return json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n"

    def problem(self, folder: Path, *, verify: bool) -> str:
        """Return what is wrong with the folder's files, or ``""``.

        Args:
            folder: where they lie.
            verify: compare contents by sha256, not sizes alone.
        """
        for name, (size, sha256) in self.files.items():
            path = folder / name
            try:
                if path.stat().st_size != size:
                    return f"{name} has {path.stat().st_size} bytes instead of {size}"
                if verify and file_digest(path) != sha256:
                    return f"{name} is not what was written"
            except OSError as error:
                return f"{name}: {error.strerror or error}"
        if verify:
            there = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
            for name in sorted(there - {MANIFEST, *self.files}):
                return f"{name} was added"
        return ""


def settle(folder: Path) -> dict[str, tuple[int, str]]:
    """Bring a folder's files to the disk; return size and sha256 of each.

    Raises:
        KpError: ``KP505``, something there is neither a file nor a folder, or is the manifest.
    """
    if (folder / MANIFEST).exists():
        raise KpError("KP505", f"a step wrote {MANIFEST}, which is the cache's own")
    found: dict[str, tuple[int, str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise KpError("KP505", f"a step left {path}, which is neither a file nor a folder")
        sync(path)
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = (path.stat().st_size, file_digest(path))
    return found
