"""What is said of models, knowledge plugins and entities."""

from __future__ import annotations

from typing import Any

from kpframework import KnowledgePlugin, SavedHost, neighbours

NAMES = 12
"""Names, types and relations shown of an entity."""
DESCRIPTION = 1000
"""Characters of a description."""


def model_facts(host: SavedHost) -> dict[str, Any]:
    """Return what the page says of the host."""
    task, adaptation = host.record.get("task", {}), host.record.get("adaptation", {})
    return {
        "kind": str(host.model.config.model_type),
        "parameters": sum(p.numel() for p in host.model.parameters()),
        "head": host.head,
        "labels": list(host.labels),
        "id": host.record.get("id", ""),
        "task": {"id": task.get("id", ""), "type": task.get("type", "")} if task else None,
        "adaptation": adaptation.get("type"),
        "mask": host.tokenizer.mask_token if host.head == "masked-lm" else None,
    }


def plugin_facts(name: str, plugin: KnowledgePlugin) -> dict[str, Any]:
    """Return what the page says of a knowledge plugin."""
    config, kb = plugin.config, plugin.kb
    metadata = dict(kb.metadata)
    return {
        "id": name,
        "row": config["name"],
        "method": config["injector"]["type"],
        "linker": config["linker"]["type"],
        "control": config.get("control"),
        "kb": {
            "name": kb.name,
            "type": (config.get("kb") or {}).get("type", ""),
            "release": str(metadata.get("release") or ""),
            "licence": str(metadata.get("licence") or ""),
            "source": str(metadata.get("source") or ""),
        },
        "counts": {
            "entities": kb.counts["entities"],
            "triples": kb.counts["triples"],
            "with_vector": len(plugin.table) if plugin.table is not None else None,
        },
        "metrics": {key: float(value) for key, value in (config.get("metrics") or {}).items()},
    }


def entity(kb: Any, name: str) -> dict[str, Any]:
    """Return id, name, description and types of an entity; a linker may name one that is gone."""
    try:
        info = kb.info(name)
    except KeyError:
        return {"entity": name, "name": name, "description": "", "types": []}
    return {
        "entity": info.id,
        "name": info.name,
        "description": _cut(info.description),
        "types": list(info.types[:NAMES]),
    }


def card(kb: Any, name: str) -> dict[str, Any]:
    """Return names, description and neighbours of an entity.

    Raises:
        KeyError: no such entity.
    """
    kb.info(name)
    found = neighbours(kb, name, NAMES)
    return {
        **found,
        "entity": {**found["entity"], "description": _cut(found["entity"]["description"])},
    }


def _cut(text: str) -> str:
    return text if len(text) <= DESCRIPTION else text[: DESCRIPTION - 1].rstrip() + "…"
