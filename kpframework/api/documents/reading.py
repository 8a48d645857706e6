"""Reading documents with their annotations, whatever the format."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from kpframework.api.documents import bioc_xml, brat, docbin, json_records, pubtator
from kpframework.api.documents.faults import Placing, Report, malformed, opened
from kpframework.api.documents.model import Document
from kpframework.api.files import unpacked_suffix


def read_text_lines(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield each line that is not blank, without the blanks around it, as a document."""
    del placing
    with opened(path) as file:
        for number, line in enumerate(file, 1):
            if text := line.strip():
                yield Document(str(number - 1), text, where=f"{path}:{number}")


FORMATS: dict[str, Callable[[Path, Placing], Iterator[Document]]] = {
    "bioc-xml": bioc_xml.read_bioc_xml,
    "brat": brat.read_brat,
    "docbin": docbin.read_docbin,
    "json": json_records.read_json,
    "jsonl": json_records.read_json_lines,
    "pubtator": pubtator.read_pubtator,
    "text": read_text_lines,
}
"""Readers by the name of their format; ``json`` and ``jsonl`` hold BioC too."""

SUFFIXES = {
    ".ann": "brat",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".pubtator": "pubtator",
    ".spacy": "docbin",
    ".xml": "bioc-xml",
}
"""Formats by the suffix, in lower case, of a file's name."""
_PUBTATOR = re.compile(r"[^|\t\s]+\|t\|")


def document_format(path: str | Path) -> str:
    """Return which of `FORMATS` a file or folder is in.

    The suffix tells (that of packing aside); of any other file the first line that is not blank. A
    folder, and a ``.txt`` beside an ``.ann`` of the same name, is brat's.

    Raises:
        KpError: the file cannot be read.
    """
    path = Path(path)
    if path.is_dir():
        return "brat"
    suffix = unpacked_suffix(path)
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    if path.suffix == ".txt" and path.with_suffix(".ann").is_file():
        return "brat"
    with opened(path) as file:
        first = next((line for line in islice(file, 100) if line.strip()), "")
    first = first.lstrip()
    if _PUBTATOR.match(first):
        return "pubtator"
    return "bioc-xml" if first.startswith(("<?xml", "<collection", "<!DOCTYPE")) else "text"


def read_documents(
    path: str | Path, *, format: str | None = None, report: Report | None = None
) -> Iterator[Document]:
    """Yield the documents of a file or folder, with the mentions annotated in them.

    Reads BioC (XML, JSON), PubTator, brat's standoff, spaCy's DocBin, JSON lines ``{"text",
    "mentions": [{"start", "end", "entity"}]}``, and the JSON of BERN2 and MedCAT; plain text gives
    a document a line. All but ``json`` are read document by document.

    Args:
        path: a file, packed as its suffix says (brat's and DocBin's are not), or a folder of
            brat's files.
        format: one of `FORMATS`; None asks `document_format`.
        report: told of each annotation whose text is not where its offsets say, which is then left
            out. None raises there.

    Raises:
        KpError: ``KP750`` a file is malformed, ``KP751`` an annotation is misplaced, each with file
            and line; ``KP752`` what reads the format is not installed.
    """
    path = Path(path)
    name = format or document_format(path)
    if name not in FORMATS:
        raise malformed(str(path), f"no format {name!r}; there are {', '.join(FORMATS)}")
    yield from FORMATS[name](path, Placing(report))
