from __future__ import annotations

import unicodedata

import pytest

from kpframework.safe import safe_line, safe_text

HOSTILE = (
    "\x1b[2Jred\x07 \x1b]8;;x\x07 a\rb \u202egpj.exe\u2066 \x9b31m zero\u200bwidth \ud800 \x00 \x7f"
)


def test_no_control_format_or_surrogate_character_is_left() -> None:
    shown = safe_text(HOSTILE + "\n\ttail")
    rest = shown.replace("\n", "").replace("\t", "")
    assert not [c for c in rest if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Cn"}]
    assert "\\x1b[2Jred" in shown
    assert "\\u202egpj.exe" in shown
    assert shown.endswith("\n\ttail")
    shown.encode("utf-8")


def test_ordinary_text_of_any_script_is_kept() -> None:
    for text in ("Ménière's disease", "髄膜炎", "الصرع", "β-thalassaemia → “type” 2"):
        assert safe_text(text) == text


def test_a_line_is_one_line() -> None:
    assert safe_line("two\n  lines\r\n\tand\xa0more") == "two lines and more"


@pytest.mark.parametrize("limit", [1, 5, 80])
def test_limit_is_kept(limit: int) -> None:
    assert len(safe_text("x" * 100, limit)) <= limit
    assert safe_text("short", 80) == "short"
