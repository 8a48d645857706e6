"""Writing an artifact: aside first, then renamed into place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from kpframework import owner
from kpframework.artifact.config import FORMAT, read_config
from kpframework.artifact.digests import file_digests, kb_digest, sealed
from kpframework.inject.plug import MODULE_FILE
from kpframework.spec.checks import ARTIFACT_FILE

LINKED_FROM = 64 * 2**20
"""Bytes from which a file is linked out of the cache instead of copied."""
CARD_FILE = "README.md"

_ignore = shutil.ignore_patterns("manifest.json")
"""The cache's own notes on a step, with the seconds it took: no part of an artifact."""


def write_artifact(
    folder: Path,
    config: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    parts: Mapping[str, Path],
    card: str = "",
) -> None:
    """Write an artifact aside and rename it into place.

    Args:
        folder: replaced if it is a knowledge plugin already.
        config: the content of ``kp_config.json``; the format and the checksums of all files are
            filled in.
        state: trained tensors.
        parts: the folders of ``kb`` and, where vectors are used, ``entities``; their files are
            linked where possible.
        card: the README; empty for a short one.

    Raises:
        KpError: KP770, the folder is there and no knowledge plugin.
    """
    if folder.exists():
        read_config(folder)  # nothing else is ever replaced
    temporary = owner.aside(folder)
    temporary.mkdir(parents=True)
    try:
        _fill(temporary, config, state, parts, card)
        if folder.exists():
            shutil.rmtree(folder)
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _fill(
    folder: Path,
    config: Mapping[str, Any],
    state: Mapping[str, torch.Tensor],
    parts: Mapping[str, Path],
    card: str,
) -> None:
    from safetensors.torch import save_file

    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    save_file(tensors, folder / MODULE_FILE, metadata={"format": "pt"})
    for name, source in parts.items():
        shutil.copytree(source, folder / name, ignore=_ignore, copy_function=_copy_or_link)
    files = file_digests(folder)
    kb = {**config["kb"], "sha256": kb_digest(files)}
    whole = sealed({**config, "kp_format": FORMAT, "kb": kb, "files": files})
    (folder / ARTIFACT_FILE).write_text(json.dumps(whole, indent=2, ensure_ascii=False), "utf-8")
    (folder / CARD_FILE).write_text(card or f"# {config['name']}\n", "utf-8")


def copy_tree(source: Path, target: Path) -> None:
    """Copy a folder aside and rename it into place; manifests of the cache are left out."""
    temporary = owner.aside(target)
    shutil.copytree(source, temporary, copy_function=_copy_or_link, ignore=_ignore)
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)


def _copy_or_link(source: str, target: str) -> None:
    """Copy a file; a large one, never written in place, is linked where the disk allows."""
    if Path(source).stat().st_size >= LINKED_FROM:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)
