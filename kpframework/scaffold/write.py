"""Writing a new distribution: whole or not at all, and over nothing that is there."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from kpframework.errors import SpecError


def write_distribution(folder: Path, texts: Mapping[str, str]) -> None:
    """Write files into a new folder: aside first, then renamed.

    Args:
        folder: that is made; the one it stands in is there.
        texts: path relative to it -> text.

    Raises:
        SpecError: KP215, it is there already, or it cannot be written.
    """
    if folder.exists() or folder.is_symlink():
        raise SpecError(
            "KP215",
            f"{folder} is there already; nothing was written",
            "take another name or another --directory, or move it away",
        )
    try:
        aside = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            _fill(aside / folder.name, texts)
            (aside / folder.name).rename(folder)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise SpecError(
            "KP215",
            f"{folder} cannot be written: {error.strerror or error}",
            "give a folder that can be written to as --directory",
        ) from None


def _fill(folder: Path, texts: Mapping[str, str]) -> None:
    for path, text in texts.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")
