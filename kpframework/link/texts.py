"""The texts of a shard, with the mentions that come with them; bad lines with their places."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from kpframework.api.files import parse_json
from kpframework.api.records import record_field, record_span
from kpframework.api.text import Mention
from kpframework.errors import KpError, Problem

Given = Literal["all", "spans", "none"]


@dataclass(frozen=True)
class Reading:
    """How a line of an input becomes a text."""

    text_field: str = "text"
    id_field: str = "id"
    mentions: Given = "all"
    """What the linker is shown of the mentions that a JSON record brings."""


@dataclass(frozen=True)
class Text:
    """A text to link."""

    id: str
    text: str
    mentions: tuple[Mention, ...] = ()


def read_piece(piece: Mapping[str, Any], reading: Reading) -> Iterator[Text | Problem | None]:
    """Yield for each line of a piece its text, or what is wrong with it, or None if it is blank.

    Raises:
        KpError: KP834, the file is not what it was when the shards were cut.
    """
    data = _bytes(piece)
    if piece["format"] == "file":
        yield _checked(data, piece["label"], piece["label"], lambda text, _: Text("", text))
        return

    if piece["format"] == "documents":  # written by `inputs`, whatever the user's own fields are
        reading = Reading(mentions=reading.mentions)

    def parse(line: str, where: str) -> Text:
        return Text("", line) if piece["format"] == "lines" else _record(line, where, reading)

    # Only \n ends a line: texts may hold other separators that splitlines cuts at.
    for number, raw in enumerate(data.removesuffix(b"\n").split(b"\n"), piece["line"]):
        if raw.strip():
            where = f"{piece['label']}:{number}"
            yield _checked(raw.removesuffix(b"\r"), where, where, parse)
        else:
            yield None


def _bytes(piece: Mapping[str, Any]) -> bytes:
    size = piece["stop"] - piece["start"]
    try:
        with Path(piece["path"]).open("rb") as stream:
            stream.seek(piece["start"])
            data = stream.read(size)
    except OSError as error:
        raise KpError(
            "KP831", f"it cannot be read: {error.strerror or error}", where=piece["label"]
        ) from error
    if hashlib.sha256(data).hexdigest() != piece["sha256"]:
        raise KpError(
            "KP834",
            "the file has changed since the work began",
            "the same command links what has changed",
            where=piece["label"],
        )
    return data.removeprefix(b"\xef\xbb\xbf") if piece["start"] == 0 else data


def _checked(raw: bytes, name: str, where: str, parse: Any) -> Text | Problem:
    try:
        text: Text = parse(raw.decode("utf-8"), where)
        # JSON can spell half a character, which no file can hold.
        text.text.encode("utf-8")
        text.id.encode("utf-8")
    except UnicodeDecodeError as error:
        return _problem(where, f"not UTF-8 at byte {error.start}: {error.reason}")
    except UnicodeEncodeError:
        return _problem(where, "the text or its id holds half a character (a lone surrogate)")
    except KpError as error:
        return replace(error.problems[0], code="KP835")
    return text if text.id else replace(text, id=name)


def _problem(where: str, message: str) -> Problem:
    return Problem("KP835", message, "correct the line, or --on-error skip", where)


def _record(line: str, where: str, reading: Reading) -> Text:
    try:
        value = parse_json(line)
    except ValueError as error:
        raise KpError("KP835", f"not JSON: {error}", where=where) from None
    if not isinstance(value, dict):
        raise KpError("KP835", "not a JSON object", where=where)
    text = record_field(value, reading.text_field, str, where)
    name = value.get(reading.id_field, "")
    if type(name) not in {str, int}:
        message = f"{reading.id_field!r} is neither text nor a whole number"
        raise KpError("KP835", message, where=where)
    mentions = () if reading.mentions == "none" else _mentions(value, text, where)
    if reading.mentions == "spans":
        mentions = tuple(replace(mention, entity="") for mention in mentions)
    return Text(str(name), text, mentions)


def _mentions(value: dict[str, Any], text: str, where: str) -> tuple[Mention, ...]:
    given = value.get("mentions", [])
    if not isinstance(given, list) or not all(isinstance(item, dict) for item in given):
        raise KpError("KP835", "'mentions' is not a list of objects", where=where)
    found = []
    for item in given:
        start, end = record_span(item, text, where)
        entity, role = item.get("entity", ""), item.get("role", "")
        if not isinstance(entity, str) or not isinstance(role, str):
            raise KpError("KP835", "'entity' or 'role' of a mention is no text", where=where)
        found.append(Mention(start, end, entity, role=role))
    return tuple(found)
