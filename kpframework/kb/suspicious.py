"""Texts of a knowledge base that may do harm where they are shown, tokenized or put in a prompt.

The patterns are read by RE2 (over whole columns) and by Python's ``re`` (for one text): they use
what both read alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

TEXTS = ("id", "name", "aliases", "types", "description", "xrefs", "relation")
"""Where texts stand: the fields of an entity, and the relations."""
NAMES = ("name", "aliases")
LABELS = ("id", "name", "aliases", "types", "xrefs", "relation")
"""Texts that should be one short line."""
LONG = 200
"""Characters from which on a label is very long."""

_TOKENS = (
    r"\[(?:MASK|CLS|SEP|PAD|UNK|BOS|EOS|INST|/INST|E[1-4]|/E[1-4]|gMASK|unused[0-9]+)\]",
    r"</?(?:s|S)>",
    r"<(?:mask|pad|unk|cls|sep|bos|eos|start_of_turn|end_of_turn|image)>",
    r"<(?:extra_id_|unused)[0-9]+>",
    r"<</?SYS>>",
    "<[|\uff5c][^|\uff5c<>\n]{1,40}[|\uff5c]>",
)
_PHRASES = (
    r"\b(?:ignore|disregard|forget|override)\s+(?:all\s+|any\s+|the\s+|your\s+|of\s+|these\s+)*"
    r"(?:previous|prior|above|earlier|preceding|other|system)\s+"
    r"(?:instruction|prompt|message|rule|context|text|command|direction)",
    r"\byou\s+are\s+(?:now\s+)?(?:an?|the)\s+(?:\w+\s+)?(?:assistant|chatbot|language\s+model|ai)\b",
    r"\bas\s+an\s+ai\s+(?:language\s+)?(?:model|assistant)\b",
    r"\b(?:system\s+prompt|new\s+instructions?|jailbreak)\b",
    r"\bdo\s+not\s+(?:follow|obey|reveal|mention)\s+(?:\w+\s+){0,3}(?:instruction|prompt|rule)",
    r"(?:^|\n)\s*(?:#+\s*)?(?:system|assistant|user|human|instructions?)\s*:",
)
_MARKUP = (
    r"<\s*(?:script|style|iframe|object|embed|svg|img|link|meta|form|input|html|body|head)\b",
    r"</?(?:a|b|i|u|p|br|hr|li|ul|ol|em|h[1-6]|div|sub|sup|span|table|td|tr|th|strong)(?:\s[^<>]*)?/?>",
    r"\b(?:javascript|vbscript)\s*:",
    r"\bon(?:error|load|click|mouseover|focus)\s*=",
    r"&(?:lt|gt|amp|quot|apos|nbsp|#[0-9]{1,7}|#x[0-9a-f]{1,6});",
    r"<!--|<!\[CDATA\[|<\?xml\b",
)


@dataclass(frozen=True)
class Check:
    """One kind of text that is looked for."""

    name: str
    meaning: str
    parts: Sequence[str]
    """Regular expressions, any of which tells it."""
    fields: Sequence[str] = TEXTS
    case: bool = True
    """Whether case matters."""
    pattern: str = field(init=False, default="")

    def __post_init__(self) -> None:
        joined = "|".join(self.parts)
        object.__setattr__(self, "pattern", f"(?:{joined})" if self.case else f"(?i:{joined})")

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """The pattern for one text."""
        return re.compile(self.pattern)


CHECKS: tuple[Check, ...] = (
    Check(
        "control-characters",
        "control characters other than tab and line break",
        ("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]",),
    ),
    Check(
        "terminal-sequences",
        "ANSI sequences, which command a terminal",
        ("\x1b[\\[\\]()#%*+P^_X=>NOc78]", "[\x90\x9b\x9d]"),
    ),
    Check(
        "bidirectional",
        "characters that turn the direction of writing",
        ("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]",),
    ),
    Check(
        "zero-width",
        "characters that are not seen: zero-width, soft hyphens, tags",
        ("[\u00ad\u034f\u180e\u200b-\u200d\u2060-\u2064\ufeff\U000e0000-\U000e007f]",),
    ),
    Check(
        "replacement-characters",
        "U+FFFD, left where a text was decoded wrongly",
        ("\ufffd",),
    ),
    Check(
        "line-breaks",
        "tabs and line breaks in ids, names, types and relations",
        ("[\t\n\r\u2028\u2029]",),
        LABELS,
    ),
    Check("special-tokens", "special tokens of common models", _TOKENS),
    Check("prompt-like", "phrases that speak to a language model", _PHRASES, case=False),
    Check("markup", "HTML, scripts, character references", _MARKUP, case=False),
    Check(
        "very-long",
        f"ids, names, types and relations of more than {LONG} characters",
        (rf"(?s:^.{{{LONG + 1}}})",),
        LABELS,
    ),
    Check(
        "very-short",
        "names of one or two characters, which a linker finds everywhere",
        (r"^\s*[^\s]{1,2}\s*$",),
        NAMES,
    ),
    Check(
        "blanks",
        "names with blanks around them, or several in a row",
        (r"^\s", r"\s$", r"\s\s"),
        NAMES,
    ),
)


def excerpt(check: Check, text: str, width: int = 80) -> str:
    """Return a piece of a text around what a check finds in it."""
    match = check.compiled.search(text)
    start = max(0, match.start() - width // 3) if match else 0
    piece = text[start : start + width]
    return ("…" if start else "") + piece + ("…" if start + width < len(text) else "")
