"""Which instances of a task leakage control looks at."""

from __future__ import annotations

from kpframework.api import Example, Mention, Segment
from kpframework.run.steps.knowledge import instances


def pair(head: str, tail: str) -> Segment:
    """Return a text with a head, a tail, and a mention that is not the task's."""
    mentions = (Mention(0, 1, "other"), Mention(2, 3, head, role="head"))
    return Segment(f"{head} {tail}", (*mentions, Mention(4, 5, tail, role="tail")))


def query(own: Segment, *supports: Segment, relations: tuple[str, ...] = ()) -> Example:
    inputs = tuple((0, i) for i in range(1, len(supports) + 1))
    return Example("q", (own, *supports), 0, {"relations": list(relations)}, inputs, "e")


def test_an_example_of_one_input_is_one_instance_with_its_label():
    examples = [Example("a", (pair("A", "B"),), 1), Example("b", (pair("A", "B"),), 1)]
    assert instances(examples, ["x", "y"]) == [("A", "B", "y")] * 2


def test_a_label_that_the_host_does_not_have_is_none():
    assert instances([Example("a", (pair("A", "B"),), -1)], ["x", "y"]) == [("A", "B", "")]


def test_every_segment_of_an_episode_is_an_instance_with_its_own_relation():
    example = query(pair("A", "B"), pair("C", "D"), pair("E", "F"), relations=("s", "r", "s"))
    assert instances([example], ["same relation"]) == [
        ("A", "B", "s"),
        ("C", "D", "r"),
        ("E", "F", "s"),
    ]


def test_supports_that_queries_share_are_one_instance():
    shared = pair("C", "D"), pair("E", "F")
    relations = ("s", "r", "s")
    examples = [query(pair(name, "B"), *shared, relations=relations) for name in "AGH"]
    assert instances(examples, ["same relation"]) == [
        ("A", "B", "s"),
        ("C", "D", "r"),
        ("E", "F", "s"),
        ("G", "B", "s"),
        ("H", "B", "s"),
    ]


def test_episodes_without_relations_still_have_ends():
    found = instances([query(pair("A", "B"), pair("C", "D"))], ["same relation"])
    assert found == [("A", "B", ""), ("C", "D", "")]
