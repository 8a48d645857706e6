"""What can be refused before anything runs though the spec alone does not tell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kpframework.api.config import SectionId
from kpframework.api.context import Context
from kpframework.errors import SpecError
from kpframework.spec.fields import marked
from kpframework.spec.resolved import BoundComponent, ResolvedSpec


def preflight(resolved: ResolvedSpec) -> None:
    """Refuse rows that the backbone cannot serve.

    Raises:
        SpecError: KP317, a row reads a corpus, which takes a masked language model, and the
            backbone's tokenizer has no mask token.
    """
    rows = [
        name
        for name, row in resolved.injections.items()
        if row.injector is not None and _reads_corpus(row.injector)
    ]
    if not rows:
        return
    folder = resolved.backbone.create(Context()).at_hand()
    if folder is not None and not _has_mask(folder):
        raise SpecError(
            "KP317",
            f"{', '.join(map(repr, rows))}: reading a corpus takes a masked language model, and "
            f"the tokenizer in {folder} has no mask token",
            "train these rows on the task, or take a backbone that is a masked language model",
            where=str(resolved.source),
        )


def _reads_corpus(injector: BoundComponent) -> bool:
    return any(
        isinstance(marker, SectionId) and marker.section == "corpora"
        for _, _, marker in marked(type(injector.config), injector.config)
    )


def _has_mask(folder: Path) -> bool:
    """Return whether a tokenizer names a mask token, or does not say."""
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        if _read(folder / name).get("mask_token"):
            return True
    added = _read(folder / "tokenizer.json").get("added_tokens")
    # A class of older models knows its mask token without naming it: then it is in the list.
    return added is None or any("mask" in str(token.get("content", "")).lower() for token in added)


def _read(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
