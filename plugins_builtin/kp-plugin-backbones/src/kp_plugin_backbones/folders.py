"""What a model folder must hold, and what it says of itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

from kpframework import KpError

_NEEDED = {
    "a configuration": ("config.json",),
    "safetensors weights": ("*.safetensors",),
    "a tokenizer": ("tokenizer.json", "tokenizer_config.json", "vocab.txt"),
}
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---", re.DOTALL)
_LICENCE = re.compile(r"^license:[ \t]*[\"']?([\w.+-]+)", re.MULTILINE)


def check(folder: Path) -> Path:
    """Return the folder if transformers can load a model from it without running its code.

    Raises:
        KpError: something is missing; says what.
    """
    missing = [
        f"{what} ({' or '.join(patterns)})"
        for what, patterns in _NEEDED.items()
        if not any(any(folder.glob(pattern)) for pattern in patterns)
    ]
    missing += _missing_shards(folder)
    if missing:
        raise KpError(
            "KP631",
            f"{folder} is no complete model folder: no {', no '.join(missing)}",
            fix="write it with save_pretrained() of the model and of its tokenizer; "
            "pickled weights (.bin) are not read",
        )
    return folder


def _missing_shards(folder: Path) -> list[str]:
    """Return the files of weights that an index names and that are not there."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"index of weights that can be read ({index.name})"]
    return sorted(name for name in shards if not (folder / name).is_file())


def licence(folder: Path) -> str:
    """Return the licence id that the model card states, or an empty string."""
    card = folder / "README.md"
    if not card.is_file():
        return ""
    front = _FRONT_MATTER.match(card.read_text(encoding="utf-8", errors="replace"))
    stated = _LICENCE.search(front.group(1)) if front else None
    return stated.group(1) if stated else ""
