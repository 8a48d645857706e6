"""Google-style docstrings as Markdown."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

_SECTION = re.compile(r"(Args|Returns|Raises|Yields|Attributes|Example|Examples|Note):")
_ENTRY = re.compile(r"(\*{0,2}\w[\w., ]*): (.*)")


def markdown(docstring: str) -> str:
    """Return a docstring's text with its sections as lists and its literal blocks as code."""
    lines = inspect.cleandoc(docstring).splitlines()
    parts: list[str] = []
    title, body = "", list[str]()
    for line in [*lines, "Note:"]:
        match = _SECTION.fullmatch(line)
        if match is None:
            body.append(line)
            continue
        if any(body):
            parts.append(_section(title, body))
        title, body = match[1], []
    return "\n\n".join(parts)


def _section(title: str, body: list[str]) -> str:
    text = inspect.cleandoc("\n" + "\n".join(body)) if title else "\n".join(body)
    if title in ("Args", "Raises", "Attributes"):
        heading = {"Args": "Arguments"}.get(title, title)
        return f"{heading}:\n\n" + "\n".join(_entries(text.splitlines()))
    if title:
        return f"{title}: {prose(text)}"
    return prose(text)


def _entries(lines: list[str]) -> Iterator[str]:
    """Yield a bullet for each ``name: text``, whose text may go on indented."""
    entry = ""
    for line in [*lines, "end: "]:
        match = None if line.startswith(" ") else _ENTRY.fullmatch(line)
        if match is None and entry:
            entry += " " + line.strip()
            continue
        if entry:
            yield entry.rstrip()
        entry = f"- `{match[1]}`: {_inline(match[2])}" if match else f"- {_inline(line)}"


def prose(text: str) -> str:
    """Return text with ``::`` blocks as fenced code and double backticks as single ones."""
    out: list[str] = []
    lines = text.strip().splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if not line.endswith("::"):
            out.append(_inline(line))
            continue
        out.append(_inline(line[:-1]))
        block = []
        while at < len(lines) and (not lines[at].strip() or lines[at].startswith("    ")):
            block.append(lines[at])
            at += 1
        code = inspect.cleandoc("\n" + "\n".join(block)).rstrip()
        out += ["", f"```{_language(code)}", code, "```", ""]
    return "\n".join(out).strip()


def _language(code: str) -> str:
    try:
        compile(code, "docstring", "exec")
    except SyntaxError:
        return "text"
    return "python"


def _inline(line: str) -> str:
    return line.replace("``", "`")
