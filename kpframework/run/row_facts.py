"""What the facts of a row's training and evaluation steps say in ``results.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def most_memory(trained: Sequence[Mapping[str, Any]]) -> dict[str, int | None] | None:
    """Return the most any seed's training needed; None where nothing is trained, or measured."""
    measured = [own["memory"] for own in trained if "memory" in own]
    if not measured:
        return None
    return {
        kind: max((own[kind] for own in measured if own[kind]), default=None)
        for kind in ("process", "accelerator")
    }


def without_ends(coverage: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return a coverage without what it says of each example."""
    return None if coverage is None else {k: v for k, v in coverage.items() if k != "ends"}


def curves_of(seed: int, facts: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
    """Return the training loss and the dev metric of each of a row's trainings, by epoch."""
    curves = []
    for history in facts.get("histories", ()):
        for name, values in (("training loss", history["loss"]), (f"dev {metric}", history["dev"])):
            if values:
                x = list(range(1, len(values) + 1))
                curves.append({"seed": seed, "name": name, "x": x, "y": values})
    return curves
