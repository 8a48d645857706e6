"""The coverage report: what was found in how much text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kpframework.api.kb import KnowledgeBase

_TOLD = 1000
"""Bad lines whose places the report holds."""
_SUMS = ("texts", "blank", "bad", "characters", "linked", "mentions")


def coverage(reports: Iterable[Mapping[str, Any]], kb: KnowledgeBase, top: int) -> dict[str, Any]:
    """Return what the reports of all shards say together; the same however shards were linked.

    Args:
        reports: of each shard, in their order.
        kb: for the names of entities.
        top: how many of the most frequent entities are named.

    Returns:
        Counts of texts, of blank and bad lines, characters, texts with a mention, mentions,
        distinct entities and their share of the knowledge base's, mentions per 1,000 characters,
        the linker's own statistics, the most frequent entities, and the first bad lines.
    """
    sums: Counter[str] = Counter()
    entities: Counter[str] = Counter()
    statistics: dict[str, float] = {}
    problems: list[Sequence[str]] = []
    for report in reports:
        sums.update({key: report[key] for key in _SUMS})
        entities.update(report["entities"])
        problems += report["problems"][: _TOLD - len(problems)]
        for key, (start, more) in report["statistics"].items():
            statistics[key] = statistics.get(key, start) + more
    # Of equally frequent ones the first id, so that nothing depends on the order of shards.
    frequent = sorted(entities.items(), key=lambda item: (-item[1], item[0]))[:top]
    known = len(kb.entity_ids)
    return {
        "texts": sums["texts"],
        "blank_lines": sums["blank"],
        "bad_lines": sums["bad"],
        "characters": sums["characters"],
        "texts_with_mentions": sums["linked"],
        "mentions": sums["mentions"],
        "mentions_per_1000_characters": 1000 * sums["mentions"] / max(sums["characters"], 1),
        "entities": len(entities),
        "share_of_entities": len(entities) / max(known, 1),
        "linker": statistics,
        "frequent": [
            {"entity": entity, "name": kb.info(entity).name, "mentions": count}
            for entity, count in frequent
        ],
        "problems": [{"where": where, "message": message} for where, message in problems],
    }
