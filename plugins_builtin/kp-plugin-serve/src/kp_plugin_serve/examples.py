"""Texts to click: of the run's report, or made of what the knowledge base says itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from kp_plugin_serve.loading import Loaded
from kpframework import KnowledgePlugin

OF_A_PLUGIN = 6
LONGEST = 240
_READ = 200
"""Entities looked at for a description that can be linked."""
_OUTCOMES = ("helped", "harmed", "changed")


def examples(loaded: Loaded) -> list[dict[str, Any]]:
    """Return some texts for each plugin, with the spans of the task's own mentions.

    Of a run's test examples those that knowledge helped with, harmed and changed otherwise come in
    turn, so that neither success nor failure is hidden.
    """
    found: list[dict[str, Any]] = []
    for name, plugin in loaded.plugins.items():
        own = list(islice(_of_the_run(loaded, name), OF_A_PLUGIN))
        found += own or list(islice(_of_the_kb(loaded, name, plugin), OF_A_PLUGIN))
    return found


def _of_the_run(loaded: Loaded, name: str) -> Iterator[dict[str, Any]]:
    own = [e for e in loaded.examples if e["knowledge"] == name]
    groups = [[e for e in own if e.get("outcome") == outcome] for outcome in _OUTCOMES]
    for rank in range(max(map(len, groups), default=0)):
        for group in groups:
            if rank < len(group) and (made := _example(group[rank])) is not None:
                yield made


def _example(kept: dict[str, Any]) -> dict[str, Any] | None:
    text, mentions = kept.get("text"), kept.get("mentions") or ()
    if not isinstance(text, str) or not text or len(text) > LONGEST:
        return None
    spans = [[m["start"], m["end"]] for m in mentions if m.get("role")]
    good = all(0 <= start < end <= len(text) for start, end in spans)
    return {
        "text": text,
        "knowledge": kept["knowledge"],
        "spans": spans if good and spans else None,
        "outcome": kept.get("outcome", ""),
        "gold": str(kept.get("gold") or ""),
    }


def _of_the_kb(loaded: Loaded, name: str, plugin: KnowledgePlugin) -> Iterator[dict[str, Any]]:
    mask = loaded.host.tokenizer.mask_token if loaded.host.head == "masked-lm" else None
    for info in islice(plugin.kb.entities(), _READ):
        text = info.description
        if not text or len(text) > LONGEST or not plugin.link([text])[0]:
            continue
        if mask is not None:
            head, space, _ = text.rstrip(". ").rpartition(" ")
            text = f"{head}{space}{mask}."
        yield {"text": text, "knowledge": name, "spans": None, "outcome": "", "gold": ""}
