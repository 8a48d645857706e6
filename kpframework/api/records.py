"""Records of tasks' files: JSON and JSON lines, read with the place of every record."""

from __future__ import annotations

import filecmp
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from kpframework.api.files import parse_json, unpacked_text
from kpframework.errors import KpError

T = TypeVar("T")
_FIX = "correct the record, or take it out of the file"


def malformed_record(where: str, message: str) -> KpError:
    """Return the error for a record that cannot be used."""
    return KpError("KP620", message, _FIX, where)


def read_text(path: str) -> str:
    """Return the text of a UTF-8 file, packed as the suffix of its name says.

    Raises:
        KpError: it cannot be read to its end, or is not UTF-8; names file and line.
    """
    return unpacked_text(path, "KP620", _FIX)


def same_content(first: str, second: str) -> bool:
    """Return whether two files are one, or the same byte for byte; empty ones hold nothing."""
    if not Path(first).stat().st_size:
        return False
    return first == second or filecmp.cmp(first, second, shallow=False)


def refuse_seen_test(test: str, **seen: str) -> None:
    """Refuse a file of test examples that is trained or chosen on, for a task's options.

    Args:
        test: path of the file that is scored.
        seen: paths of the others, by the names of their splits.

    Raises:
        ValueError: it is one of them, or the same byte for byte.
    """
    for name, path in seen.items():
        if same_content(test, path):
            raise ValueError(
                f"'test' has the content of {name!r}, so what is scored has been seen before; "
                "give it a file of its own"
            )


def _is_grouped(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(type(v) is list for v in value.values())


def _items(
    place: str, items: Sequence[Any], more: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, item in enumerate(items):
        if not isinstance(item, dict):
            raise malformed_record(f"{place}[{i}]", "not a JSON object")
        yield f"{place}[{i}]", {**more, **item}


def read_records(path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (place, object) for JSON lines, one list of objects, or one object of lists of them.

    Of the last (FewRel), the key becomes the object's ``relation`` and the place reads
    ``file:key[0]``.

    Raises:
        KpError: a line is not a JSON object, or has a key twice; names file and line.
    """
    text, fault = read_text(path), ""
    if text.lstrip()[:1] in {"{", "["}:
        try:
            whole = parse_json(text)
        except json.JSONDecodeError:
            whole = None  # lines, or wrong in one of them
        except ValueError as error:
            whole, fault = None, f"not JSON that can be read: {error}"
        if _is_grouped(whole):
            for label, items in whole.items():
                yield from _items(f"{path}:{label}", items, {"relation": label})
            return
        if isinstance(whole, list):
            yield from _items(path, whole, {})
            return
    # Only \n ends a line: JSON strings may hold other separators that str.splitlines cuts at.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except ValueError as error:
            if fault and isinstance(error, json.JSONDecodeError):  # one value, of many lines
                raise malformed_record(path, fault) from None
            raise malformed_record(f"{path}:{number}", f"not JSON: {error}") from None
        if not isinstance(value, dict):
            raise malformed_record(f"{path}:{number}", "not a JSON object")
        yield f"{path}:{number}", value


def evenly(items: Sequence[T], limit: int | None) -> Sequence[T]:
    """Return at most ``limit`` items at even distances, in their order."""
    if limit is None or limit >= len(items):
        return items
    return [items[i * len(items) // limit] for i in range(limit)]


def record_field(value: dict[str, Any], key: str, kind: type[T], where: str) -> T:
    """Return a field of the given type.

    Raises:
        KpError: it is absent, or of another type.
    """
    if key not in value:
        raise malformed_record(
            where, f"no {key!r} in the record; it has {', '.join(sorted(value))}"
        )
    found = value[key]
    if type(found) is not kind:
        raise malformed_record(where, f"{key!r} is a {type(found).__name__}, not a {kind.__name__}")
    return found


def record_id(found: Any, where: str) -> str:
    """Return an id as text, which JSON may have as a number; empty for null.

    Raises:
        KpError: it is neither a text nor a whole number.
    """
    if found is None:
        return ""
    if type(found) not in (str, int):
        raise malformed_record(where, f"an id is a {type(found).__name__}, not a text")
    return str(found)


def record_group(value: dict[str, Any], name: str | None, where: str) -> str:
    """Return what the field ``name`` of a record holds, for `Example.group`; empty without a name.

    Raises:
        KpError: the record does not have the field, or it holds no text and no whole number.
    """
    if name is None:
        return ""
    found = value.get(name)
    if type(found) not in (str, int) or found == "":
        raise malformed_record(where, f"{name!r} names no group: {found!r}")
    return str(found)


def record_span(value: dict[str, Any], text: str, where: str) -> tuple[int, int]:
    """Return the character span ``start``, ``end`` of a record.

    Raises:
        KpError: it is empty or not inside the text.
    """
    start, end = record_field(value, "start", int, where), record_field(value, "end", int, where)
    if not 0 <= start < end <= len(text):
        raise malformed_record(
            where, f"span {start}:{end} is not inside a text of {len(text)} characters"
        )
    return start, end
