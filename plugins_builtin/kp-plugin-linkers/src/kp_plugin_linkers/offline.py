"""Mentions that were annotated elsewhere, found by the text they were annotated in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b

from kpframework.api import Mention, read_documents


class Offline:
    """The mentions of files of annotated documents, by text.

    Blanks around a text do not count: formats such as PubTator, whose title may be empty, put some
    there. Documents of one text are joined. Texts are kept as digests of 16 bytes.

    Args:
        paths: files and folders that `read_documents` reads.

    Raises:
        KpError: a file is malformed.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._mentions: dict[bytes, tuple[Mention, ...]] = {}
        misplaced: list[object] = []
        for path in paths:
            for document in read_documents(path, report=misplaced.append):
                before = _before(document.text)
                found = (_moved(m, -before) for m in document.segment().mentions if m.entity)
                # A mention that begins before the text's first letter cannot be of the text.
                own = tuple(m for m in found if m.start >= 0)
                key = _digest(document.text)
                self._mentions[key] = self._mentions.get(key, ()) + own
        self.counts = {
            "documents": len(self._mentions),
            "misplaced_annotations": len(misplaced),
            "texts_without_document": 0,
        }

    def mentions(self, text: str) -> list[Mention]:
        """Return the mentions of a text, none where no document has it, which is counted."""
        found = self._mentions.get(_digest(text))
        if found is None:
            self.counts["texts_without_document"] += 1
            return []
        before = _before(text)
        return [_moved(m, before) for m in found if m.end + before <= len(text)]


def _before(text: str) -> int:
    return len(text) - len(text.lstrip())


def _moved(mention: Mention, by: int) -> Mention:
    return replace(mention, start=mention.start + by, end=mention.end + by) if by else mention


def _digest(text: str) -> bytes:
    return blake2b(text.strip().encode("utf-8", "surrogatepass"), digest_size=16).digest()
