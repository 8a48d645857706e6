"""What can be wrong with a file of annotated documents."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kpframework.api.documents.model import Annotation
from kpframework.api.files import open_packed
from kpframework.api.records import record_id
from kpframework.errors import KpError, Problem

Report = Callable[[Problem], None]
"""Told of every annotation that does not lie where its own text is."""


def malformed(where: str, message: str) -> KpError:
    """Return the error for a file or a part of it that cannot be read."""
    return KpError("KP750", message, "correct the document, or take it out of the file", where)


def own_id(found: object, where: str) -> str:
    """Return what `record_id` does; its error is a document's."""
    try:
        return record_id(found, where)
    except KpError as error:
        raise malformed(where, error.problems[0].message) from None


class Placing:
    """Checks the offsets of a file's annotations against the texts.

    Args:
        report: told of each misplaced annotation, which is then left out; None raises instead.
    """

    def __init__(self, report: Report | None) -> None:
        self._report = report

    def kept(
        self, text: str, annotations: Iterable[tuple[Annotation, str | None]]
    ) -> tuple[Annotation, ...]:
        """Return, in order of their offsets, the annotations whose own text stands there.

        Args:
            text: the document's.
            annotations: each with the text that the file says it covers (blanks are compared as
                one blank), None where the file does not say.

        Raises:
            KpError: ``KP751`` one does not, and nobody is told of it.
        """
        kept = [a for a, surface in annotations if self._is_placed(text, a, surface)]
        return tuple(sorted(kept, key=lambda a: (a.start, a.end)))

    def _is_placed(self, text: str, annotation: Annotation, surface: str | None) -> bool:
        start, end = annotation.start, annotation.end
        if not 0 <= start < end <= len(text):
            message = f"span {start}:{end} is not inside a text of {len(text)} characters"
        elif surface is not None and surface.split() != text[start:end].split():
            found = text[start:end]
            message = f"at {start}:{end} stands {found[:60]!r}, not {surface[:60]!r}"
        else:
            return True
        problem = Problem(
            "KP751", message, "correct the offsets, or take the annotation out", annotation.where
        )
        if self._report is None:
            raise KpError.of([problem])
        self._report(problem)
        return False


def hull(spans: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the span from the first to the last of a mention's parts."""
    return min(start for start, _ in spans), max(end for _, end in spans)


@contextmanager
def opened(path: Path) -> Iterator[IO[str]]:
    r"""Open a UTF-8 file, packed as its suffix says; only ``\n`` ends a line.

    A byte order mark is taken off.

    Raises:
        KpError: it cannot be read to its end.
    """
    try:
        with (
            open_packed(path, "KP750") as packed,
            io.TextIOWrapper(packed, encoding="utf-8-sig", newline="\n") as file,
        ):
            yield file
    except UnicodeDecodeError as error:
        raise malformed(str(path), f"the file cannot be read: {error}") from None
