"""PubTator: title, abstract, then a line for each annotation, documents parted by blank lines.

Wei, Kao and Lu, Nucleic Acids Research 41 (W1), 2013; BC5CDR and MedMentions come in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kpframework.api.documents.faults import Placing, malformed, opened
from kpframework.api.documents.model import Annotation, Document, several_ids

_TEXT = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)


@dataclass
class _Open:
    id: str
    where: str
    title: str
    abstract: str | None = None
    annotations: list[tuple[Annotation, str | None]] = field(default_factory=list)

    def close(self, placing: Placing) -> Document:
        # One character stands between title and abstract; offsets count it.
        text = self.title if self.abstract is None else f"{self.title} {self.abstract}"
        return Document(self.id, text, placing.kept(text, self.annotations), self.where)


def read_pubtator(path: Path, placing: Placing) -> Iterator[Document]:
    """Yield the documents; lines of relations, which are no mentions, are passed over."""
    document: _Open | None = None
    with opened(path) as file:
        for number, raw in enumerate(file, 1):
            line, where = raw.rstrip("\r\n"), f"{path}:{number}"
            match = _TEXT.fullmatch(line)
            if document is not None and (not line.strip() or (match and match[2] == "t")):
                yield document.close(placing)
                document = None
            if not line.strip():
                continue
            if match and match[2] == "t":
                document = _Open(match[1], where, match[3])
            elif document is None:
                raise malformed(where, "a document begins with a line 'ID|t|title'")
            elif match:
                if match[1] != document.id or document.abstract is not None:
                    raise malformed(where, f"not the one abstract of document {document.id}")
                document.abstract = match[3]
            else:
                document.annotations += _annotation(line.split("\t"), document.id, where)
    if document is not None:
        yield document.close(placing)


def _annotation(fields: list[str], own: str, where: str) -> list[tuple[Annotation, str | None]]:
    if fields[0] != own:
        raise malformed(where, f"a line of document {fields[0]!r} inside document {own!r}")
    if len(fields) >= 4 and not fields[1].lstrip("-").isdigit():
        return []  # A relation: its name, then the ids it joins.
    if len(fields) < 5 or not fields[2].lstrip("-").isdigit():
        raise malformed(where, "an annotation is 'ID, start, end, text, type, id', tabs between")
    ids = several_ids(fields[5]) if len(fields) > 5 else ()
    start, end, surface, kind = int(fields[1]), int(fields[2]), fields[3], fields[4]
    return [(Annotation(start, end, ids, kind, where=where), surface)]
