"""What pydantic found wrong, in the words of a spec's author."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from kpframework.plugins.lookup import did_you_mean
from kpframework.spec.describe import fitting, models_at, options_line
from kpframework.spec.fields import keys
from kpframework.spec.findings import MAX_FINDINGS, Findings, listed, printable, shown
from kpframework.spec.tree import Loc, Node

_TYPES = {
    "bool_type": "true or false",
    "bytes_type": "text",
    "dict_type": "a table of keys and values",
    "float_type": "a number",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "model_attributes_type": "a table of keys and values",
    "model_type": "a table of keys and values",
    "none_required": "null",
    "set_type": "a list",
    "string_type": "text",
    "tuple_type": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}
_LENGTHS = {
    "too_short": ("min_length", "needs at least {} item(s)"),
    "too_long": ("max_length", "takes at most {} item(s)"),
    "string_too_short": ("min_length", "needs at least {} character(s)"),
    "string_too_long": ("max_length", "takes at most {} character(s)"),
}
_PLAIN_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,15})(?:\.[0-9]{1,15})?")


@dataclass(frozen=True)
class Section:
    """A part of the spec that one model describes."""

    loc: Loc
    model: type[BaseModel]
    title: str
    """``mapper 'mlp' (kp-plugin-mappers 0.1.0)`` or ``the spec``."""
    see: str = ""
    """The command that describes it."""
    core: Collection[str] = ()
    """Keys beside the model's own."""
    titles: Mapping[type[BaseModel], str] = field(default_factory=dict)
    """How models inside are called; others by their place."""


def report(error: ValidationError, section: Section, findings: Findings) -> None:
    """Add each thing pydantic found wrong in a section, at the user's own path."""
    root = findings.root.at(section.loc)
    if root is None:
        message = f"the default of this option is wrong: {error}"
        findings.add("KP316", section.loc, message, f"tell the authors of {section.title}")
        return
    groups: dict[Loc, list[Any]] = {}
    for item in error.errors(include_url=False):
        groups.setdefault(_own(item, root), []).append(item)
    meant = {
        (*loc[:-1], _suggestion(loc, section, findings))
        for loc, items in islice(groups.items(), MAX_FINDINGS)
        if items[0]["type"] == "extra_forbidden"
    }
    for loc, items in groups.items():
        if findings.full:
            findings.cut = True
            return
        if items[0]["type"] == "missing" and loc in meant:
            continue  # it is there, misspelt, and reported as such
        _report(loc, items, section, findings)


def _own(item: Any, node: Node) -> Loc:
    """Return pydantic's path without the names it gives to the arms of a union.

    A wrong choice between models is the fault of the key that makes it.
    """
    loc: list[str | int] = []
    here: Node | None = node
    for i, step in enumerate(item["loc"]):
        last = i == len(item["loc"]) - 1
        inside = here.get(step) if here is not None else None
        if inside is not None:
            loc.append(step)
            here = inside
        elif last and item["type"] == "missing":
            loc.append(step)
    if item["type"] == "union_tag_invalid":
        loc.append(_tag(item))
    return tuple(loc)


def _report(loc: Loc, items: list[Any], section: Section, findings: Findings) -> None:
    item, full = items[0], (*section.loc, *loc)
    if item["type"] == "extra_forbidden":
        _unknown(loc, section, findings)
    elif item["type"] == "missing":
        _missing(loc, section, findings)
    elif item["type"] == "union_tag_not_found":
        _missing((*loc, _tag(item)), section, findings)
    elif item["type"] == "kp_missing_path":
        node = findings.root.at(full)
        what, path = item["ctx"]["what"], Path(item["ctx"]["path"])
        written = shown(node.value) if node else shown(str(path))
        message = f"there is no {what} {written}.{_near(path)}\nlooked for {path}"
        findings.add("KP305", full, message, "correct the path; it is relative to its spec file")
    else:
        code, message, fix = _value(items, findings.root.at(full))
        findings.add(code, full, f"{_subject(loc, section)} {message}", fix)


def _tag(item: Any) -> str:
    """Return the key by whose value pydantic chooses between models."""
    return str(item["ctx"]["discriminator"]).strip("'")


def _subject(loc: Loc, section: Section) -> str:
    name = next((step for step in reversed(loc) if isinstance(step, str)), "")
    if not name:
        return section.title
    return f"an item of {printable(name)!r}" if isinstance(loc[-1], int) else repr(printable(name))


def _value(items: list[Any], node: Node | None) -> tuple[str, str, str]:
    value = node.plain() if node else None
    kinds = [item["type"] for item in items]
    expected = list(dict.fromkeys(_TYPES[kind] for kind in kinds if kind in _TYPES))
    if expected and (kinds[0] in _TYPES or len(expected) == len(items)):
        fix = _unquote(value, kinds)
        return "KP302", f"must be {listed(expected)}, not {shown(value)}", fix
    item, context = items[0], items[0].get("ctx", {})
    kind = item["type"]
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return "KP303", f"must be {words} {context[key]}, not {shown(value)}", ""
    if kind in _LENGTHS:
        key, words = _LENGTHS[kind]
        return "KP303", words.format(context[key]), ""
    if kind in ("literal_error", "enum", "union_tag_invalid"):
        choices = context.get("expected") or context["expected_tags"].replace("', '", "' or '")
        known = [w.strip("'") for w in choices.replace(" or ", ", ").split(", ")]
        hint = did_you_mean(value, known) if isinstance(value, str) else ""
        return "KP303", f"must be {choices}, not {shown(value)}.{hint}", ""
    if kind == "string_pattern_mismatch":
        if context["pattern"].startswith("^[A-Za-z0-9][A-Za-z0-9_.-]*$"):
            fix = "use letters, digits, '_', '-' and '.', beginning with a letter or a digit"
            return "KP303", f"must be a name, not {shown(value)}", fix
        return "KP303", f"does not match {context['pattern']}: {shown(value)}", ""
    message = item["msg"].removeprefix("Value error, ")
    return "KP303", f"is not accepted: {message}", ""


def _unquote(value: Any, kinds: Iterable[str]) -> str:
    if not isinstance(value, str):
        return ""
    text = value.strip()
    if "bool_type" in kinds and text.lower() in ("true", "false", "yes", "no", "on", "off"):
        return f"write {'true' if text.lower() in ('true', 'yes', 'on') else 'false'}"
    if {"int_type", "float_type"} & set(kinds) and _PLAIN_NUMBER.fullmatch(text):
        return f"write {shown(text)[1:-1]} without quotes"
    return ""


def _unknown(loc: Loc, section: Section, findings: Findings) -> None:
    key, full = str(loc[-1]), (*section.loc, *loc)
    models = _models(loc, section, findings)
    inside = [s for s in loc[:-1] if isinstance(s, str)]
    title = section.title
    if models and models[0] in section.titles:
        title = section.titles[models[0]]
    elif inside:
        title = f"{'.'.join(inside)!r} of {title}"
    meant = _suggestion(loc, section, findings)
    message = f"{printable(key)!r} is not an option of {title}."
    message += f" Did you mean {meant!r}?" if meant else ""
    if section.see:
        message += f"\noptions: {options_line(models)}\nsee: {section.see}"
    else:
        message += f"\noptions: {', '.join(_known(loc, section, findings))}"
    fix = f"rename it to {meant!r}" if meant else "remove it"
    findings.add("KP301", full, message, fix, by_key=True)


def _models(loc: Loc, section: Section, findings: Findings) -> list[type[BaseModel]]:
    table = findings.root.at((*section.loc, *loc[:-1]))
    return fitting(models_at(section.model, loc[:-1]), table)


def _known(loc: Loc, section: Section, findings: Findings) -> list[str]:
    """Return the keys that may stand beside the one at a path."""
    models = _models(loc, section, findings)
    core = [] if any(isinstance(step, str) for step in loc[:-1]) else list(section.core)
    return [*(key for model in models for key in keys(model)), *core]


def _suggestion(loc: Loc, section: Section, findings: Findings) -> str:
    close = get_close_matches(str(loc[-1])[:60], _known(loc, section, findings), n=1)
    return close[0] if close else ""


def _missing(loc: Loc, section: Section, findings: Findings) -> None:
    key, full = str(loc[-1]), (*section.loc, *loc)
    models = _models(loc, section, findings)
    inside = [s for s in loc[:-1] if isinstance(s, str)]
    title = section.title
    if models and models[0] in section.titles:
        title = section.titles[models[0]]
    elif inside:
        title = f"{'.'.join(inside)!r} of {title}"
    about = next((keys(m)[key].description for m in models if key in keys(m)), None)
    message = f"{title} needs {key!r}" + (f": {about}" if about else "")
    if section.see:
        message += f"\nsee: {section.see}"
    findings.add("KP304", full, message, f'add "{key}"')


def _near(path: Path) -> str:
    try:
        names = sorted(p.name for p in path.parent.iterdir())[:1000]
    except (OSError, ValueError):
        return ""
    return did_you_mean(path.name, names)
