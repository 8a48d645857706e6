"""BioC's XML, document by document, with the line of each annotation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from kpframework.api.documents.bioc import bioc_document
from kpframework.api.documents.faults import Placing, malformed
from kpframework.api.documents.model import Document
from kpframework.api.files import open_packed

_CHUNK = 1 << 16
_TEXTS = {"id", "offset", "text", "infon"}
_TABLES = {"passage": "passages", "sentence": "sentences", "annotation": "annotations"}


def read_bioc_xml(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield the documents of a BioC collection; one document is in memory at a time."""
    builder = _Builder(path)
    with open_packed(path, "KP750") as file:
        while chunk := file.read(_CHUNK):
            builder.feed(chunk)
            for value in builder.finished():
                yield bioc_document(value, value["where"], placing)
    builder.feed(b"", last=True)


class _Builder:
    """Builds the JSON layout of each document from the events of the parser."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._open: list[dict[str, Any]] = []
        self._text: list[str] | None = None
        self._infon = ""
        self._finished: list[dict[str, Any]] = []
        self._parser = parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        # Entities of the file's own are how a small file becomes a huge text; BioC has none.
        parser.EntityDeclHandler = self._entity

    def feed(self, data: bytes, last: bool = False) -> None:
        try:
            self._parser.Parse(data, last)
        except expat.ExpatError as error:
            raise malformed(f"{self._path}:{error.lineno}", f"not XML: {error}") from None

    def finished(self) -> list[dict[str, Any]]:
        done, self._finished = self._finished, []
        return done

    def _where(self) -> str:
        return f"{self._path}:{self._parser.CurrentLineNumber}"

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "document":
            self._open = [{"where": self._where(), "passages": []}]
        if not self._open or name == "document":
            return
        if name in _TABLES:
            value: dict[str, Any] = {"where": self._where(), "infons": {}, "locations": []}
            if name == "annotation":
                value["id"] = attributes.get("id", "")
            self._open[-1].setdefault(_TABLES[name], []).append(value)
            self._open.append(value)
        elif name == "relation":
            self._open.append({})
        elif name == "location" and "locations" in self._open[-1]:
            self._open[-1]["locations"].append(attributes)
        elif name in _TEXTS:
            self._text, self._infon = [], attributes.get("key", "")

    def _end(self, name: str) -> None:
        if not self._open:
            return
        if name in _TEXTS and self._text is not None:
            value, self._text = "".join(self._text), None
            if name == "infon":
                self._open[-1].setdefault("infons", {})[self._infon] = value
            else:
                self._open[-1][name] = value
        elif name in _TABLES or name == "relation":
            self._open.pop()
        elif name == "document":
            self._finished.append(self._open.pop())

    def _characters(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _entity(self, *_: Any) -> None:
        raise malformed(self._where(), "entities of the file's own are not read")
