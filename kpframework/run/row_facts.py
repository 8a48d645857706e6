"""What the facts of a row's training and evaluation steps say in ``results.json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kpframework.run.step import Step


def most_memory(trained: Sequence[Mapping[str, Any]]) -> dict[str, int | None] | None:
    """Return the most any seed's training needed; None where nothing is trained, or measured."""
    measured = [own["memory"] for own in trained if "memory" in own]
    if not measured:
        return None
    return {
        kind: max((own[kind] for own in measured if own[kind]), default=None)
        for kind in ("process", "accelerator")
    }


@dataclass(frozen=True)
class TrainingCost:
    """What training one seed of a row took, the stages it started from included."""

    parameters: int | None = 0
    """The most of any stage; None where a saved plugin does not say."""
    seconds: float | None = 0.0
    """Of all stages; None where a saved plugin does not say."""


def training_cost(step: Step | None, facts: Callable[[Step], Mapping[str, Any]]) -> TrainingCost:
    """Return what a training step and those before it took; nothing where nothing is trained.

    Args:
        step: made the row's tensors.
        facts: what is known of a finished step.
    """
    if step is None:
        return TrainingCost()
    own = facts(step)
    first = training_cost(step.inputs.get("init"), facts)
    stages = [own.get("parameters"), first.parameters]
    known = [size for size in stages if size is not None]
    seconds = own.get("seconds")
    return TrainingCost(
        None if own.get("parameters") is None else max(known),
        None if seconds is None or first.seconds is None else seconds + first.seconds,
    )


def most_parameters(costs: Sequence[TrainingCost]) -> int | None:
    """Return the most any seed trained; None where that is not known."""
    return max((own.parameters for own in costs if own.parameters is not None), default=None)


def mean_seconds(costs: Sequence[TrainingCost]) -> float | None:
    """Return the mean over seeds; None where one is not known."""
    known = [own.seconds for own in costs if own.seconds is not None]
    return sum(known) / len(known) if len(known) == len(costs) else None


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
