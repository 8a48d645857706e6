"""What a row's training took, the stages before it included."""

from __future__ import annotations

from typing import Any

from kpframework.run.row_facts import (
    TrainingCost,
    mean_seconds,
    most_parameters,
    training_cost,
)
from kpframework.run.step import Step


def step(name: str, init: Step | None = None) -> Step:
    inputs = {} if init is None else {"init": init}
    return Step(name, "train", {"name": name}, lambda _: {}, inputs)


def cost(last: Step | None, facts: dict[str, dict[str, Any]]) -> TrainingCost:
    return training_cost(last, lambda own: facts[own.name])


def test_nothing_trained_costs_nothing():
    assert cost(None, {}) == TrainingCost(0, 0.0)


def test_seconds_of_every_stage_count_and_the_most_parameters_of_any():
    first = step("general")
    second = step("task", first)
    facts = {
        "general": {"parameters": 10, "seconds": 5.0},
        "task": {"parameters": 4, "seconds": 2.5},
    }
    assert cost(first, facts) == TrainingCost(10, 5.0)
    assert cost(second, facts) == TrainingCost(10, 7.5)


def test_what_a_saved_plugin_does_not_say_is_not_nought():
    saved = step("module[saved]")
    assert cost(saved, {"module[saved]": {}}) == TrainingCost(None, None)
    facts = {"module[saved]": {"parameters": 10}, "task": {"parameters": 4, "seconds": 2.5}}
    assert cost(saved, facts) == TrainingCost(10, None)
    assert cost(step("task", saved), facts) == TrainingCost(10, None)


def test_seeds_are_joined_and_one_that_is_unknown_makes_the_mean_unknown():
    known = [TrainingCost(3, 1.0), TrainingCost(3, 2.0)]
    assert (most_parameters(known), mean_seconds(known)) == (3, 1.5)
    mixed = [*known, TrainingCost(None, None)]
    assert (most_parameters(mixed), mean_seconds(mixed)) == (3, None)
    assert most_parameters([TrainingCost(None, None)]) is None
