"""Statements of a file, streamed, with the line of what is malformed."""

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyoxigraph as ox

from kpframework import KpError
from kpframework.api import numbered_lines, open_packed

_FORMATS = {
    "n-triples": ox.RdfFormat.N_TRIPLES,
    "n-quads": ox.RdfFormat.N_QUADS,
    "turtle": ox.RdfFormat.TURTLE,
    "trig": ox.RdfFormat.TRIG,
    "rdf-xml": ox.RdfFormat.RDF_XML,
}
_LINES = 4_096
_DECLARED = b"<!ENTITY"
_ENTITY = re.compile(rb"<!ENTITY\s+[^\s%\"'>]+\s+(?:\"([^\"]*)\"|'([^']*)')")
_ENDS = 4_096
_ROOT = re.compile(rb"<((?:[\w.-]+:)?RDF)(?:\s[^>]*[^/>])?\s*>")
_LONGEST = 512  # bytes of an entity's text: namespaces are what they are used for

Bad = Callable[[int, str], None]


def statements(path: Path, layout: str, base: str | None, bad: Bad) -> Iterator[Any]:
    """Yield the statements of a file.

    Args:
        path: may be packed.
        layout: n-triples, n-quads, turtle, trig or rdf-xml.
        base: IRI for relative ones.
        bad: told the number of a malformed line and what is wrong; it raises, or counts the line,
            which is then left out. Only the first two formats go on.

    Raises:
        KpError: KP434 the file is malformed, KP435 it cannot be read to its end.
    """
    if layout in ("n-triples", "n-quads"):
        yield from _by_line(path, layout, bad)
        return
    with open_packed(path, "KP435") as packed:
        yield from _whole(path, _without_mark(packed), layout, base)


def _without_mark(file: IO[bytes]) -> IO[bytes]:
    """Pass over a byte order mark."""
    if file.read(len(codecs.BOM_UTF8)) != codecs.BOM_UTF8:
        file.seek(0)
    return file


def malformed(path: Path, line: int | None, what: str, fix: str = "correct the file") -> KpError:
    """Return the error of a malformed statement."""
    return KpError("KP434", what, fix, str(path) if line is None else f"{path}:{line}")


def _by_line(path: Path, layout: str, bad: Bad) -> Iterator[Any]:
    """Parse many lines at once; only where that fails, each for itself."""
    kind = _FORMATS[layout]
    numbered = numbered_lines(path, "KP435")
    while batch := list(islice(numbered, _LINES)):
        numbers, lines = zip(*batch, strict=True)
        if numbers[0] == 1:
            lines = (lines[0].removeprefix(codecs.BOM_UTF8), *lines[1:])
        try:
            parsed = list(ox.parse(b"\n".join(lines), format=kind))
        except SyntaxError:
            parsed = []
            for number, line in zip(numbers, lines, strict=True):
                try:
                    parsed += ox.parse(line, format=kind)
                except SyntaxError as error:
                    bad(number, _reason(error))
        yield from parsed


def _whole(path: Path, file: IO[bytes], layout: str, base: str | None) -> Iterator[Any]:
    source = _Guarded(path, file) if layout == "rdf-xml" else file
    try:
        yield from ox.parse(source, format=_FORMATS[layout], base_iri=base)  # type: ignore[arg-type]
    except SyntaxError as error:
        line = error.lineno or _line_of_error(path, layout, base)
        raise malformed(path, line, _reason(error)) from error
    except ValueError as error:  # an IRI given as the base
        raise malformed(path, None, str(error), "correct 'base'") from error


def _line_of_error(path: Path, layout: str, base: str | None) -> int:
    """Return in which line the parser finds its error: of RDF/XML it does not say."""
    with open_packed(path, "KP435") as packed:
        lines = _ByLine(_without_mark(packed))
        with suppress(SyntaxError):  # the error that is looked for
            statements = ox.parse(lines, format=_FORMATS[layout], base_iri=base)  # type: ignore[arg-type]
            deque(statements, maxlen=0)
        return lines.number


class _ByLine:
    """A file that hands out one line at a time, and knows which."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._begins = True
        self.number = 0

    def read(self, size: int = -1) -> bytes:
        part = self._file.readline(size)
        self.number += bool(part) and self._begins
        self._begins = part.endswith(b"\n")
        return part


def _reason(error: SyntaxError) -> str:
    return re.sub(r"^Parser error .*?: ", "", error.msg or str(error))


class _Guarded:
    """A file of XML whose own entities may not be made of others.

    The parser expands them without a limit: ten nested ones of ten references each would fill the
    memory from a file of one kilobyte.
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path = path
        self._file = file
        self._rest = b""
        self._before = 0  # lines that end before the rest
        self._last = b""
        self._root: bytes | None = None

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        if self._root is None and (found := _ROOT.search(self._last + chunk)):
            self._root = found[1]
        self._last = (self._last + chunk)[-_ENDS:]
        # The parser takes a file that ends between two elements for a whole one.
        if not chunk and self._root is not None and b"</" + self._root not in self._last:
            raise malformed(
                self._path,
                self._before + 1 + self._rest.count(b"\n"),
                f"the file ends before </{self._root.decode()}>",
                "fetch the file again; a truncated one is not read in part",
            )
        seen = self._rest + chunk
        keep = max(0, len(seen) - len(_DECLARED))
        at = seen.find(_DECLARED)
        while at >= 0:
            found = _ENTITY.match(seen, at)
            if found is None and chunk and len(seen) - at < 2 * _LONGEST:
                keep = at  # it goes on in what is read next
                break
            text = b"&" if found is None else found[1] or found[2] or b""
            if b"&" in text or len(text) > _LONGEST:
                raise malformed(
                    self._path,
                    self._before + 1 + seen.count(b"\n", 0, at),
                    "an XML entity is made of others, is very long or comes from elsewhere",
                    "write the entity's text itself, or convert the file to Turtle",
                )
            at = seen.find(_DECLARED, at + len(_DECLARED))
        self._before += seen.count(b"\n", 0, keep)
        self._rest = seen[keep:]
        return chunk
