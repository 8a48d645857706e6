from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from kpframework.errors import KpError
from kpframework.report import external_references, write_report
from kpframework.report.facts import knowledge_cards
from kpframework.report.numbers import DASH
from kpframework.report.page import render_page

PAYLOADS = [
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '" style="background:url(http://evil)"',
    "</text></svg><iframe src=javascript:alert(1)>",
    "<!--",
    "-->]]><b>",
    "<![CDATA[<script>",
    "{{ 7*7 }}{% raw %}",
    "&lt;script&gt;&#60;script&#62;",
    "<a href='javascript:alert(1)'>x</a>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "\x1b[2J\x1b]8;;http://evil\x07<b>\x9b",
    "\u202e<b>gpj\u2066\u200b",
    "\ud800<b>\x00</b>",
    "<style>@import 'http://evil'</style>",
    "<meta http-equiv=refresh content='0;url=http://evil'>",
    "<base href=http://evil>",
]
RowOf = Callable[[dict[str, Any], str], dict[str, Any]]


class Shape(HTMLParser):
    """Tags with the names of their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, ...]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, *(name for name, _ in attrs)))

    def handle_comment(self, data: str) -> None:
        self.tags.append(("comment",))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


def strings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every string."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from strings(item, (*path, number))


def replaced(results: Any, path: tuple[Any, ...], text: str) -> Any:
    changed = copy.deepcopy(results)
    place = changed
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = text
    return changed


KEPT = {"ok", "failed", "helped", "harmed", "changed"}


def everywhere(value: Any, prefix: str) -> Any:
    """Put a prefix before every string and every key that a plugin or a user chooses."""
    if isinstance(value, str):
        return value if value in KEPT else prefix + value
    if isinstance(value, list):
        return [everywhere(item, prefix) for item in value]
    if isinstance(value, dict):
        free = {"micro_f1", "macro_f1", "mrr", "threshold", "packages", "torch", "cpu", "names"}
        return {
            (prefix + key if key in free or "/" in key else key): everywhere(item, prefix)
            for key, item in value.items()
        }
    return value


@pytest.mark.parametrize("payload", PAYLOADS)
def test_hostile_text_everywhere_stays_text(results: dict[str, Any], payload: str) -> None:
    hostile = render_page(everywhere(results, payload))
    benign = render_page(everywhere(results, "x" * len(payload)))
    hostile.encode("utf-8")
    assert Shape(hostile).tags == Shape(benign).tags
    assert external_references(hostile) == []


def test_hostile_text_in_each_field_stays_text(results: dict[str, Any]) -> None:
    payload = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>\x1b[2J"
    results["rows"], results["examples"] = results["rows"][-3:], results["examples"][:2]
    for row in results["rows"]:
        row["curves"] = row.get("curves", [])[:2]
    one_each = {
        tuple("*" if isinstance(p, int) else p for p in path): path for path in strings(results)
    }
    assert len(one_each) > 60
    for path in one_each.values():
        hostile = render_page(replaced(results, path, payload))
        benign = render_page(replaced(results, path, "x" * len(payload)))
        assert Shape(hostile).tags == Shape(benign).tags, path
        assert "\x1b" not in hostile


def test_page_runs_and_fetches_nothing(results: dict[str, Any]) -> None:
    page = render_page(results)
    assert external_references(page) == []
    assert "default-src 'none'" in page


@pytest.mark.parametrize(
    "html",
    [
        "<script>1</script>",
        "<img src='http://a/b.png'>",
        "<a href='https://a'>x</a>",
        "<link rel=stylesheet href=a.css>",
        "<p onclick=x>",
        "<style>@import 'a'</style>",
        "<p style='background:url(a)'>",
        "<meta http-equiv=refresh content=0>",
    ],
)
def test_self_check_finds_what_fetches_or_runs(html: str) -> None:
    assert external_references(html)


def test_every_part_is_on_the_page(results: dict[str, Any]) -> None:
    text = Shape(render_page(results)).text
    for said in (
        "map-task: 51.9 % micro-F1, +3.2 points against frozen",
        "what the vectors hold, not the extra parameters, brings the gain",
        "Human Phenotype Ontology",
        "1,608 leaking instances of organ-system (match: head), 2,311 triples left out; 1,840 of "
        "1,842 instances could be checked; leaking of test: 1,608 of 1,842",
        "no leakage control: triples are used as they are; leaks of organ-system could not be "
        "counted: no test instance gives the ids of two entities that it has",
        "2,114, 88.4 % of the mentions",
        "usable: 2,087, 98.7 % of the links",
        "The host's fingerprint was the same before and after in all 18 runs",
        "loss of consciousness → Loss of consciousness HP:0007185",
        "prompt failed: error[KP720]",
        "steps reused, shown with the time they once took",
        "fitted by the framework",
        "Estimated from the machine's power",
        "peak MB",
        "1,180 process",
    ):
        assert said in text, said


def test_mentions_are_highlighted_and_bad_spans_ignored(results: dict[str, Any]) -> None:
    example = results["examples"][0]
    results["examples"] = [example]
    good = len(example["mentions"])
    assert sum(t[0] == "mark" for t in Shape(render_page(results)).tags) == good
    example["mentions"] += [
        {"start": 0, "end": 10_000, "entity": "far"},
        {"start": 5, "end": 2, "entity": "backwards"},
        {"start": -3, "end": 4, "entity": "negative"},
    ]
    page = Shape(render_page(results))
    assert sum(t[0] == "mark" for t in page.tags) == good
    assert example["text"] in page.text


def test_a_mention_that_the_host_was_not_shown_is_told_apart_in_every_text(
    results: dict[str, Any],
) -> None:
    example = results["examples"][0]
    example["text"], example["mentions"] = (
        "Lyon and Paris",
        [
            {"start": 0, "end": 4, "entity": "E3", "name": "Lyon", "state": "reached"},
            {"start": 9, "end": 14, "entity": "E1", "name": "Paris", "state": "no vector"},
        ],
    )
    gone = {"start": 0, "end": 4, "entity": "E9", "name": "Rome", "state": "cut off"}
    example["more"] = [{"text": "Rome also", "mentions": [gone]}]
    results["examples"] = [example]
    page = render_page(results)
    text = Shape(page).text
    assert page.count('<mark class="unseen"') == 2
    assert "Lyon → Lyon E3" in text
    assert "E3, not shown" not in text
    assert "Paris → Paris E1, not shown to the host: no vector" in text
    assert "1 more text" in text
    assert "Rome → Rome E9, not shown to the host: cut off" in text


def test_changed_host_is_called_a_defect(results: dict[str, Any], row_of: RowOf) -> None:
    row_of(results, "map-task")["fingerprint"][0]["after"] = "other"
    text = Shape(render_page(results)).text
    assert "changed in 1 of 18 runs" in text
    assert "do not trust those rows" in text


def test_least_results_make_a_page(bare: dict[str, Any]) -> None:
    page = render_page(bare)
    assert "No row of this run is compared with a baseline." in page
    assert external_references(page) == []


def test_each_optional_part_may_be_missing_or_null(results: dict[str, Any]) -> None:
    pages = [
        render_page({k: v for k, v in results.items() if k != key})
        for key in set(results) - {"name", "seeds", "tasks", "rows"}
    ]
    for key in set(results["rows"][2]) - {"injection", "host", "task", "status"}:
        without = copy.deepcopy(results)
        for row in without["rows"]:
            row.pop(key, None)
        pages.append(render_page(without))
    for key in ("difference", "coverage", "knowledge", "parameters", "control", "error"):
        pages.append(render_page(replaced(results, ("rows", 2, key), None)))  # type: ignore[arg-type]
    for page in pages:
        assert all(row["injection"] in Shape(page).text for row in results["rows"])


def test_numbers_that_are_none_or_not_finite_are_dashes(
    results: dict[str, Any], row_of: RowOf
) -> None:
    row = row_of(results, "map-task")
    row["metrics"]["micro_f1"] = {"mean": None, "interval": None, "per_seed": [None]}
    row["difference"]["metrics"]["micro_f1"] = {"mean": None, "interval": [None, None]}
    row["curves"][0]["y"][3] = None
    row["curves"][1]["y"] = [float("nan")] * len(row["curves"][1]["y"])
    page = render_page(results)
    assert "nan" not in page.lower().replace("finance", "")


def test_what_a_knowledge_base_does_not_state_is_a_dash(results: dict[str, Any]) -> None:
    results["knowledge"][0]["kb"]["licence"] = ""
    facts = dict(knowledge_cards(results)[0].groups[0][1])
    assert facts["licence"] == DASH


def test_titles_of_plots_are_unique_and_referenced(results: dict[str, Any]) -> None:
    class Ids(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.ids: list[str] = []
            self.used: list[str] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            if named.get("id"):
                self.ids.append(str(named["id"]))
            self.used += str(named.get("aria-labelledby") or "").split()

    seen = Ids()
    seen.feed(render_page(results))
    assert len(seen.ids) == len(set(seen.ids))
    assert set(seen.used) <= set(seen.ids)
    assert len(seen.used) > 20


def test_page_is_written_whole_or_not_at_all(
    results: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = write_report(results, tmp_path)
    first = page.read_bytes()

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fails)
    results["name"] = "second"
    with pytest.raises(KpError, match=r"KP803[\s\S]*No space left"):
        write_report(results, tmp_path)
    assert page.read_bytes() == first
    assert os.listdir(tmp_path) == ["report.html"]


def test_page_is_the_same_for_the_same_results(results: dict[str, Any]) -> None:
    assert render_page(results) == render_page(json.loads(json.dumps(results)))


def test_scores_by_class_have_a_line_a_class_and_names_are_text(results, row_of):
    def part(name: str, count: int, mean: float, **more: Any) -> dict[str, Any]:
        metrics = {"micro_f1": {"mean": mean, "interval": [mean, mean]}}
        return {"name": name, "count": count, "metrics": metrics, **more}

    assert 'id="classes"' not in render_page(results)
    for row in results["rows"]:
        if row["status"] == "ok" and row["task"] == results["tasks"][0]["id"]:
            row["classes"] = [part("born in", 7, 0.25), part("<b>of</b>", 3, 0.75)]
    html = render_page(results)
    section = html[html.index('id="classes"') :].partition("</section>")[0]
    assert section.index("born in") < section.index("&lt;b&gt;of&lt;/b&gt;")
    assert "25.0" in section
    assert "<b>" not in section
