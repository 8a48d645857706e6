"""Checksums of an artifact's files, of its knowledge base, and of its configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kpframework.digest import file_digest
from kpframework.inject.plug import MODULE_FILE

PARTS = (MODULE_FILE, "kb", "entities")
"""What is checked file by file; the card beside them is anybody's to edit."""


def file_digests(folder: Path, digest: Callable[[Path], str] = file_digest) -> dict[str, str]:
    """Return the SHA-256 of every file of the artifact's parts, by its path with slashes.

    Args:
        folder: the artifact.
        digest: hashes a file; `kpframework.digest.content_digest` remembers what did not change.
    """
    found = []
    for name in PARTS:
        part = folder / name
        found += [part] if part.is_file() else [p for p in part.rglob("*") if p.is_file()]
    return {path.relative_to(folder).as_posix(): digest(path) for path in sorted(found)}


def kb_digest(files: Mapping[str, str]) -> str:
    """Return what identifies the knowledge base: the SHA-256 of its files' names and checksums."""
    lines = [f"{name} {digest}\n" for name, digest in sorted(files.items()) if name[:3] == "kb/"]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def sealed(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the checksum of all it says."""
    own = {key: value for key, value in config.items() if key != "sha256"}
    text = json.dumps(own, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {**own, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def vocabulary_digest(tokenizer: Any) -> str:
    """Return what identifies a tokenizer's vocabulary: the SHA-256 of its tokens and their ids."""
    digest = hashlib.sha256()
    for token, number in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1]):
        digest.update(f"{number} {token}\n".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
