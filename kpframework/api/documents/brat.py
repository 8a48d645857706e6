"""brat's standoff: a .txt with its .ann (Stenetorp et al., EACL 2012, demonstrations)."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from pathlib import Path

from kpframework.api.documents.faults import Placing, hull, malformed, opened
from kpframework.api.documents.model import Annotation, Document, known_ids
from kpframework.api.files import open_packed

_TEXT_BOUND = re.compile(r"(\S+) (\d+ \d+(?:;\d+ \d+)*)")
_REFERENCE = re.compile(r"Reference (T\S+) (\S+)")
_KINDS = frozenset("TREAMN*#")
"""First letters of lines; all but T (mentions) and N (their ids) say nothing of mentions."""


def read_brat(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield the document of a .txt or .ann file, or all of a folder, by name.

    A mention of several parts spans from the first to the last.
    """
    if path.is_dir():
        files = sorted(path.rglob("*.ann"))
        if not files:
            raise malformed(str(path), "no .ann file is in the folder")
    else:
        files = [path.with_suffix(".ann")]
    for ann in files:
        name = ann.relative_to(path).with_suffix("").as_posix() if path.is_dir() else ann.stem
        text_file = ann.with_suffix(".txt")
        with opened(text_file) as file:
            text = file.read()
        found = _annotations(ann, int(_is_marked(text_file)))
        yield Document(name, text, placing.kept(text, found), str(text_file))


def _is_marked(path: Path) -> bool:
    # brat's server reads a text as UTF-8 and keeps a byte order mark, so its offsets count one.
    with open_packed(path, "KP750") as file:
        return file.read(len(BOM_UTF8)) == BOM_UTF8


def _annotations(path: Path, before: int) -> list[tuple[Annotation, str | None]]:
    """Return the mentions of an .ann file, their offsets less by the characters before the text."""
    found: dict[str, tuple[str, list[tuple[int, int]], str, str]] = {}
    ids: dict[str, list[str]] = {}
    with opened(path) as file:
        for number, raw in enumerate(file, 1):
            line, where = raw.rstrip("\r\n"), f"{path}:{number}"
            if not line.strip():
                continue
            name, _, rest = line.partition("\t")
            body, _, surface = rest.partition("\t")
            if name[:1] == "T":
                match = _TEXT_BOUND.fullmatch(body)
                if match is None:
                    raise malformed(where, "a mention is 'T1, type start end, text', tabs between")
                spans = [(int(a), int(b)) for a, b in map(str.split, match[2].split(";"))]
                found[name] = (match[1], spans, surface, where)
            elif name[:1] == "N":
                match = _REFERENCE.fullmatch(body)
                if match is None:
                    raise malformed(
                        where, "an id is 'N1, Reference T1 SPACE:id, name', tabs between"
                    )
                ids.setdefault(match[1], []).append(match[2])
            elif name[:1] not in _KINDS:
                raise malformed(where, f"a line of an unknown kind: {name[:20]!r}")
    lost = sorted(set(ids) - set(found))
    if lost:
        raise malformed(str(path), f"an id is given to {lost[0]}, which is no mention")
    made = []
    for name, (kind, spans, surface, where) in found.items():
        start, end = hull(spans)
        start, end = start - before, end - before
        own = Annotation(start, end, known_ids(ids.get(name, ())), kind, where=where)
        made.append((own, surface if len(spans) == 1 else None))
    return made
