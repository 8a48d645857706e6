"""The examples whose answer changed, as a run writes them down."""

from __future__ import annotations

from kpframework.api import Example, Mention, Segment
from kpframework.run.changed import SHOWN, Answered, changed_answers


class Words:
    """Answers are words; the target is the right one."""

    def quality(self, decision, target):
        return float(decision == target)

    def show(self, decision, example):
        return str(decision)


def answered(now, before, *, name="a"):
    segments = (Segment("Lyon is in France"), Segment("Paris too"))
    example = Example(name, segments, "yes")
    linked = [[Mention(0, 4, "E3", role="head"), Mention(11, 17, "E5")], [Mention(0, 5, "E1")]]
    states = [["reached", "no vector"], ["cut off"]]
    return Answered(example, linked, states, now, before)


def changed(*answers):
    return changed_answers(answers, Words(), {"E1": "Paris", "E3": "Lyon", "E5": "France"}.get)


def test_every_text_is_shown_with_what_the_host_saw_of_its_mentions():
    (own,) = changed(answered("yes", "no"))
    assert (own["id"], own["outcome"], own["without"], own["with"]) == ("a", "helped", "no", "yes")
    assert own["text"] == "Lyon is in France"
    assert [(m["name"], m["role"], m["state"]) for m in own["mentions"]] == [
        ("Lyon", "head", "reached"),
        ("France", "", "no vector"),
    ]
    (further,) = own["more"]
    assert further["text"] == "Paris too"
    assert [(m["entity"], m["state"]) for m in further["mentions"]] == [("E1", "cut off")]


def test_outcomes_are_told_apart_and_equal_answers_left_out():
    made = changed(answered("yes", "no"), answered("no", "yes"), answered("a", "b"),
                   answered("yes", "yes"))  # fmt: skip
    assert [own["outcome"] for own in made] == ["helped", "harmed", "changed"]


def test_no_more_than_a_dozen_of_an_outcome_are_kept():
    many = [answered("yes", "no", name=str(i)) for i in range(SHOWN + 3)]
    assert [own["id"] for own in changed(*many, answered("a", "b", name="last"))] == [
        *map(str, range(SHOWN)),
        "last",
    ]
