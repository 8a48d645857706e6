"""Inputs as plain files of lines: whatever is not one is written out as one first."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kpframework.api.documents import FORMATS, Document, read_documents
from kpframework.api.documents.reading import SUFFIXES
from kpframework.api.files import PACKED, open_packed, unpacked_suffix
from kpframework.errors import KpError, Problem, SpecError

STDIN = "-"
LINES, FILE, JSONL, DOCUMENTS = "lines", "file", "jsonl", "documents"
INPUT_FORMATS = (LINES, FILE, JSONL, *sorted(FORMATS.keys() - {"text", "jsonl"}))


@dataclass(frozen=True)
class Source:
    """One input, as a plain file whose parts can be read by whoever links them."""

    label: str
    """What the user calls it; part of the ids and of every message."""
    path: Path
    format: str
    """`LINES`, `FILE`, `JSONL`, or `DOCUMENTS` (JSON lines with our own fields)."""
    misplaced: int = 0
    """Annotations of its documents that were left out."""


def sources(
    inputs: Sequence[str],
    format: str | None,
    spool: Path,
    *,
    documents: bool = False,
    skip: bool = False,
) -> list[Source]:
    """Return the inputs in their order.

    Args:
        inputs: paths; ``-`` is standard input, files may be packed, as their suffix says.
        format: of all of them, one of `INPUT_FORMATS`; None tells it by the suffix, anything
            unknown is a text a line.
        spool: folder that gets what is not a plain file of lines.
        documents: read JSON lines as documents as well, as gold mentions are read.
        skip: leave out annotations whose text is not where their offsets say, instead of stopping.

    Raises:
        SpecError: KP830, an input is missing or no file, or comes twice.
        KpError: KP831, it cannot be read to its end; KP750 to KP752, from a reader of documents.
    """
    for at, name in enumerate(inputs):
        if name in inputs[:at]:
            raise SpecError("KP830", f"the input {name} is given twice", "name it once")
        path = Path(name)
        if name == STDIN or path.is_file() or (format == "brat" and path.is_dir()):
            continue
        if path.is_dir():
            fix = f"name its files: {name}/*; a folder of brat's: --input-format brat"
            raise SpecError("KP830", f"the input {name} is a folder", fix)
        raise SpecError("KP830", f"the input {name} does not exist", "check the path")
    shutil.rmtree(spool, ignore_errors=True)
    own = (LINES, FILE) if documents else (LINES, FILE, JSONL)
    return [_source(name, format, spool / str(at), own, skip) for at, name in enumerate(inputs)]


def document_id(document: Document) -> str:
    """Return the id of a document, or else its place."""
    return document.id or document.where


def _source(name: str, format: str | None, spooled: Path, own: Sequence[str], skip: bool) -> Source:
    spooled.parent.mkdir(parents=True, exist_ok=True)
    path = Path(name)
    suffix = "" if name == STDIN else unpacked_suffix(path)
    found = format or SUFFIXES.get(suffix, LINES)
    if found not in own:
        if name == STDIN:
            fix = "give it as a file, or as text or JSON lines"
            raise SpecError("KP830", f"standard input is not read as {found}", fix)
        return Source(name, spooled, DOCUMENTS, _write_documents(path, found, spooled, skip))
    if name == STDIN:
        try:
            _copy(sys.stdin.buffer, spooled)
        except OSError as error:
            what = f"it cannot be read to its end: {error}"
            raise KpError("KP831", what, "give it as a file", "stdin") from error
        return Source("stdin", spooled, found)
    if path.suffix.lower() in PACKED:
        with open_packed(path, "KP831") as stream:
            _copy(stream, spooled)
        return Source(name, spooled, found)
    return Source(name, path.absolute(), found)


def _write_documents(path: Path, format: str, target: Path, skip: bool) -> int:
    """Write the documents of a file; return how many of their annotations were left out."""
    misplaced: list[Problem] = []
    report = misplaced.append if skip else None
    with target.open("w", encoding="utf-8", newline="\n") as out:
        for document in read_documents(path, format=format, report=report):
            mentions = [
                {"start": own.start, "end": own.end, "entity": own.entity, "role": own.role}
                for own in document.segment().mentions
            ]
            record = {"id": document_id(document), "text": document.text, "mentions": mentions}
            out.write(json.dumps(record) + "\n")
    return len(misplaced)


def _copy(stream: IO[bytes], target: Path) -> None:
    with target.open("wb") as out:
        shutil.copyfileobj(stream, out, 2**20)
