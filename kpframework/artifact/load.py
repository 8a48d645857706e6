"""An artifact's folder to its parts, each checked before it is used."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from kpframework.api.context import Context
from kpframework.artifact.config import check_files, check_plugins, component_of, read_config
from kpframework.artifact.write import CARD_FILE
from kpframework.errors import KpError
from kpframework.inject.plug import load_state
from kpframework.kb.store import open_store
from kpframework.kb.table import EntityTable
from kpframework.spec.resolve import bind_ref

MEASURED = ("metrics", "calibration")
"""What a configuration says of the tensors as they were when it was written."""
_NOTE = "> Trained on after the figures below were measured.\n\n"


def parts_of(folder: Path, verify: bool | Literal["once"], registry: Any) -> dict[str, Any]:
    """Return what a `KnowledgePlugin` is made of; errors as its ``from_pretrained`` says."""
    config = read_config(folder)
    if registry is None:
        from kpframework.plugins import load

        registry = load()
    check_plugins(config, registry)
    if verify:
        check_files(folder, config, once=verify == "once")
    context = Context()
    injector = _create(folder, config, "injector", registry, context)
    linker = _create(folder, config, "linker", registry, context)
    kb, table = open_store(folder / "kb"), None
    if config["entities"] is not None:
        table = EntityTable.open(
            folder / "entities", verify=verify if "files" not in config else False
        )
        if table.sha256 != config["entities"]["sha256"]:
            raise KpError(
                "KP771",
                f"{folder / 'entities'} does not hold the vectors this plugin was trained with",
                "take the folder as it was saved, entities included",
            )
    linker.prepare(kb)
    if injector.needs_kb:
        injector.prepare(kb)
    card = folder / CARD_FILE
    return {
        "config": config,
        "injector": injector,
        "linker": linker,
        "kb": kb,
        "table": table,
        "state": load_state(folder),
        # Anybody may have edited it, with any editor.
        "card": card.read_text("utf-8", "replace") if card.is_file() else "",
    }


def with_note(card: str) -> str:
    """Return a card that says that its figures are of an earlier state of the plugin."""
    if _NOTE in card:
        return card
    head, mark, body = card.rpartition("\n---\n") if card.startswith("---\n") else ("", "", card)
    return head + mark + ("\n" if head else "") + _NOTE + body.lstrip("\n")


def _create(
    folder: Path, config: Mapping[str, Any], kind: str, registry: Any, context: Context
) -> Any:
    return bind_ref(kind, component_of(folder, config, kind), registry).create(context)
