"""A line beneath the table for each way in which reused steps were made elsewhere."""

from __future__ import annotations

from typing import Any

from kpframework.report.notes import footnotes
from kpframework.report.provenance import made_elsewhere


def test_a_line_names_what_differs_then_and_now(results: dict[str, Any]) -> None:
    device = {"device": ["cuda", "cpu"], "accelerator": ["H200", None]}
    results["made_elsewhere"] = [
        {"differs": {"torch": ["2.12.0", "2.13.0"]}, "steps": ["a", "b"]},
        {"differs": device, "steps": ["c"]},
        {"differs": None, "steps": ["d"]},
    ]
    lines = made_elsewhere(results)
    assert lines == [
        "2 reused steps were made with torch 2.12.0, 2.13.0 here",
        "1 reused step was made with device cuda, cpu here; accelerator H200, \N{EN DASH} here",
        "1 reused step was made before their packages were written down",
    ]
    assert set(lines) <= set(footnotes(results))


def test_an_older_record_has_no_such_line(results: dict[str, Any]) -> None:
    results.pop("made_elsewhere", None)
    assert made_elsewhere(results) == []


def test_text_from_elsewhere_is_made_harmless(results: dict[str, Any]) -> None:
    results["made_elsewhere"] = [{"differs": {"cpu": ["\x1b[31m", "x"]}, "steps": ["a"]}]
    assert "\x1b" not in made_elsewhere(results)[0]
