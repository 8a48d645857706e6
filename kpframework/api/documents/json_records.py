"""JSON documents: one's own lines, BioC, and what BERN2 and MedCAT write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from kpframework.api.documents.bioc import bioc_document
from kpframework.api.documents.faults import Placing, malformed, opened, own_id
from kpframework.api.documents.model import Annotation, Document, known_ids, several_ids
from kpframework.api.files import parse_json

_OWN_KEYS = {
    *("start", "end", "entity", "entities", "score", "role", "type", "text"),
    *("mention", "name", "types"),  # what `kpframework link` writes
}
_Found = tuple[Annotation, str | None]


def read_json_lines(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield one document a line; blank lines are passed over."""
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                where = f"{path}:{number}"
                yield from _documents(_parsed(line, where), where, placing, str(number - 1))


def read_json(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield the documents of one JSON value, which is in memory as a whole."""
    with opened(path) as file:
        value = _parsed(file.read(), str(path))
    yield from _documents(value, f"{path}:", placing, "0")


def _parsed(text: str, where: str) -> Any:
    try:
        return parse_json(text)
    except ValueError as error:
        raise malformed(where, f"not JSON: {error}") from None


def _documents(value: Any, where: str, placing: Placing, number: str) -> Iterator[Document]:
    if isinstance(value, list):
        for i, item in enumerate(value):
            yield from _documents(item, f"{where}[{i}]", placing, f"{number}.{i}")
        return
    if not isinstance(value, dict):
        raise malformed(where, "not a JSON object")
    for key in ("documents", "PubTator3", "projects"):  # collections of BioC and of MedCAT
        if isinstance(value.get(key), list):
            yield from _documents(value[key], f"{where}.{key}", placing, number)
            return
    if "passages" in value:
        yield bioc_document(value, where, placing)
        return
    text = value.get("text")
    if not isinstance(text, str):
        raise malformed(where, 'a document is {"text": …, "mentions": [{start, end, entity}]}')
    key, convert = _layout(value)
    found = value.get(key) or []
    if not isinstance(found, list):
        raise malformed(where, f"{key!r} is no list")
    annotations: list[_Found] = []
    for i, item in enumerate(found):
        at = f"{where}.{key}[{i}]"
        try:
            annotations += convert(item, at)
        except (KeyError, TypeError, AttributeError) as error:
            message = f"not a mention: {type(error).__name__}: {error}"
            raise malformed(at, message) from None
    own = own_id(value.get("id", value.get("_id")), where) or number
    yield Document(own, text, placing.kept(text, annotations), where)


def _layout(
    value: Mapping[str, Any],
) -> tuple[str, Callable[[Mapping[str, Any], str], list[_Found]]]:
    if "annotations" not in value or "mentions" in value:
        return "mentions", _own
    found = value["annotations"]
    is_bern2 = isinstance(found, list) and any("span" in a for a in found if isinstance(a, dict))
    return "annotations", _bern2 if is_bern2 else _medcat


def _own(value: Mapping[str, Any], where: str) -> list[_Found]:
    unknown = sorted(set(value) - _OWN_KEYS)
    if unknown:
        raise KeyError(f"no {unknown[0]!r} is known; there are {', '.join(sorted(_OWN_KEYS))}")
    ids = value["entities"] if "entities" in value else [value.get("entity")]
    annotation = Annotation(
        _integer(value["start"]),
        _integer(value["end"]),
        known_ids(own_id(own, where) for own in ids),
        value.get("type") or next(iter(value.get("types") or ()), ""),
        float(value.get("score", 1.0)),
        value.get("role", ""),
        where,
    )
    return [(annotation, value.get("text", value.get("mention")))]


def _bern2(value: Mapping[str, Any], where: str) -> list[_Found]:
    span, given = value["span"], value.get("id")
    if isinstance(given, list):
        ids = known_ids(own_id(own, where) for own in given)
    else:
        ids = several_ids(own_id(given, where))
    score = value.get("prob")
    annotation = Annotation(
        _integer(span["begin"]),
        _integer(span["end"]),
        ids,
        value.get("obj", ""),
        1.0 if score is None else float(score),
        where=where,
    )
    return [(annotation, value.get("mention"))]


def _medcat(value: Mapping[str, Any], where: str) -> list[_Found]:
    # What an annotator took back is no annotation.
    if value.get("deleted") or value.get("killed"):
        return []
    ids = several_ids(own_id(value.get("cui"), where))
    start, end = _integer(value["start"]), _integer(value["end"])
    return [(Annotation(start, end, ids, where=where), value.get("value"))]


def _integer(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value
