"""What knowledge does to one text: which of its mentions are linked, what enters the input."""

from __future__ import annotations

from typing import Any

import pytest

from kpframework.errors import SpecError
from kpframework.plugins import load
from kpframework.run.cache import Cache
from kpframework.run.explain import Question, explain
from kpframework.run.progress import Display
from kpframework.spec import load_spec
from kpframework.testing.project import entity_name, tiny_project, tiny_spec

ULM, BONN = entity_name(3), entity_name(4)
TEXT = f"Jean has {ULM} and no {BONN}."
STAGE = {"stage": "task", "epochs": 1, "batch_size": 16}
ROWS = [
    {"id": "slots", "type": "map-tuning", "train": STAGE, "knowledge": "toy"},
    {"id": "anchors", "type": "probe", "train": {"epochs": 1}, "knowledge": "toy"},
    {"id": "named", "type": "map-tuning", "train": STAGE, "knowledge": "names"},
]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that asks the tiny project's typing task; what it runs is kept."""
    folder = tmp_path_factory.mktemp("explained")
    typing = [task for task in tiny_spec()["tasks"] if task["id"] == "typing"]
    spec = tiny_project(folder, injections=ROWS, tasks=typing)
    resolved = load_spec(spec, (), load())

    def asked(*spans: str, row: str = "slots", text: str = TEXT) -> dict[str, Any]:
        question = Question(text, spans, row)
        return explain(resolved, question, Cache(folder / "cache"), Display(enabled=False))

    return asked


def test_a_span_brings_the_id_that_the_data_would_bring(ask: Any) -> None:
    answer = ask(f"{ULM}=E3")
    assert [(m["mention"], m["entity"], m["vector"]) for m in answer["mentions"]] == [
        (ULM, "E3", True)
    ]
    assert (answer["slots"], answer["anchors"], answer["notes"]) == (1, 0, [])
    assert answer["tokens"][answer["positions"][0]] == "<E3>"


def test_a_mention_that_is_not_linked_says_so_and_why(ask: Any) -> None:
    answer = ask(ULM)
    assert (answer["mentions"], answer["slots"]) == ([], 0)
    assert answer["without"] == answer["with"]
    first, last = answer["notes"]
    assert f"--span {ULM!r}=ENTITY; of that name: E3" in first
    assert last == "nothing of the knowledge enters the input"
    assert "does not have" in ask(f"{ULM}=Q9")["notes"][0]


def test_a_linker_that_chooses_by_itself_is_told_from_one_that_takes_ids(ask: Any) -> None:
    assert ask(ULM, row="named")["notes"] == []
    (note,) = ask(f"{ULM}=E5", row="named")["notes"]
    assert note.startswith(f"{ULM!r} is linked to E3, not to E5")
    (note,) = ask(f"{ULM}=http://example.org/?id=5", row="named")["notes"]
    assert note.startswith(f"{ULM!r} is linked to E3, not to http://example.org/?id=5")


def test_an_anchor_is_a_token_of_the_text_and_no_slot(ask: Any) -> None:
    answer = ask(f"{ULM}=E3", row="anchors")
    assert (answer["slots"], answer["positions"], answer["anchors"]) == (0, [], 1)
    assert not any(token.startswith("<E") for token in answer["tokens"])


def test_a_sign_of_equality_in_the_text_is_part_of_the_span(ask: Any) -> None:
    answer = ask(f"{ULM}=E3", text=f"Jean has {ULM}=E3 now.")
    assert "not linked" in answer["notes"][0]
    with pytest.raises(SpecError, match="KP781"):
        ask("Lyon=E3")
    with pytest.raises(SpecError, match="KP781"):
        ask("=E3")


def test_without_a_mention_the_advice_is_one_that_helps(ask: Any) -> None:
    with pytest.raises(SpecError, match="TEXT=ENTITY"):
        ask()
