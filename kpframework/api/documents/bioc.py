"""BioC: what its XML and its JSON have in common.

Comeau et al., Database 2013, bat064. Offsets count characters of the document; a passage says at
which it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kpframework.api.documents.faults import Placing, hull, malformed, own_id
from kpframework.api.documents.model import Annotation, Document, several_ids

ID_KEYS = (
    "identifier",
    "Identifier",
    "concept_id",
    "normalized_id",
    "CUI",
    "cui",
    "MESH",
    "MeSH",
    "OMIM",
    "UMLS",
    "NCBI Gene",
    "NCBI GENE",
)
"""Infons that hold an annotation's id, the first present one counts."""
_WIDEST_GAP = 1000
"""Characters between passages that are filled with blanks; a passage farther off is moved near."""


def bioc_document(value: Mapping[str, Any], where: str, placing: Placing) -> Document:
    """Return a document of BioC's JSON layout.

    A passage, or a sentence, stands where its offset says, so that offsets are the file's own. One
    that would overlap what is before it follows after a line break, its annotations with it.
    """
    text = ""
    annotations: list[tuple[Annotation, str | None]] = []
    for unit, at in _units(value, where):
        offset, own = _integer(unit, "offset", at), unit.get("text") or ""
        if not isinstance(own, str):
            raise malformed(at, "'text' is no text")
        gap = offset - len(text)
        if text:
            text += "\n" + " " * (gap - 1 if 1 <= gap <= _WIDEST_GAP else 0)
        elif 0 < gap <= _WIDEST_GAP:
            text = " " * gap
        text += own
        shift = len(text) - len(own) - offset
        for i, found in enumerate(_list(unit, "annotations", at)):
            place = found.get("where") or f"{at}.annotations[{i}]"
            annotations.append(_annotation(found, shift, place))
    own = own_id(value.get("id"), where)
    return Document(own, text, placing.kept(text, annotations), where)


def _units(value: Mapping[str, Any], where: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Yield passages, and the sentences of those that have no text of their own."""
    for i, passage in enumerate(_list(value, "passages", where)):
        at = passage.get("where") or f"{where}.passages[{i}]"
        sentences = _list(passage, "sentences", at)
        if passage.get("text") or not sentences:
            # Sentences beside a text repeat it: their annotations lie in it.
            inner = [a for s in (passage, *sentences) for a in _list(s, "annotations", at)]
            yield {**passage, "annotations": inner}, at
            continue
        for j, sentence in enumerate(sentences):
            yield sentence, sentence.get("where") or f"{at}.sentences[{j}]"


def _annotation(value: Mapping[str, Any], shift: int, where: str) -> tuple[Annotation, str | None]:
    locations = _list(value, "locations", where)
    if not locations:
        raise malformed(where, "an annotation without a location")
    spans = [
        (offset, offset + _integer(location, "length", where))
        for location in locations
        for offset in [_integer(location, "offset", where) + shift]
    ]
    start, end = hull(spans)
    infons = value.get("infons") or {}
    key = next((k for k in ID_KEYS if infons.get(k) not in (None, "")), None)
    ids = several_ids(own_id(infons[key], where)) if key else ()
    surface = value.get("text") if len(spans) == 1 else None
    kind = str(infons.get("type") or "")
    return Annotation(start, end, ids, kind, where=where), surface


def _list(value: Mapping[str, Any], key: str, where: str) -> Sequence[Mapping[str, Any]]:
    found = value.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise malformed(where, f"{key!r} is no list of objects")
    return found


def _integer(value: Mapping[str, Any], key: str, where: str) -> int:
    found = value.get(key)
    if isinstance(found, str) and found.strip().lstrip("-").isdigit():
        return int(found)
    if type(found) is not int:
        raise malformed(where, f"{key!r} is {found!r}, not a whole number")
    return found
