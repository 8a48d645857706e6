"""Lines of an OBO file, looked at before obonet reads them: its own errors name no line."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from obonet.read import parse_tag_line

from kpframework import KpError
from kpframework.api import decoded_lines

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
SYNONYMS = ("synonym", "exact_synonym", "narrow_synonym", "broad_synonym", "related_synonym")
"""The last four are of OBO 1.0."""

_STANZAS = ("[Term]", "[Typedef]", "[Instance]")
_ONCE = ("id", "name", "namespace", "def")
_FIX = 'correct the file (ROBOT says more), or set "on_bad_line": "skip"'
Stanza = list[tuple[int, str]]
"""Line numbers and lines; the first is its head, or a line of the file's header."""


class OboLines:
    """The lines of a file that are whole, with an empty one behind each stanza.

    Args:
        path: may be packed.
        skip: whether a malformed line is left out; otherwise the first is an error.
    """

    def __init__(self, path: Path, skip: bool) -> None:
        self.counts: Counter[str] = Counter()
        """Malformed lines and obsolete terms."""
        self._path = path
        self._skip = skip
        self._seen: dict[str, int] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the lines.

        Raises:
            KpError: KP420 a line is malformed, there is no term, or the file cannot be read to its
                end.
        """
        self.counts.clear()
        self._seen.clear()
        for stanza in self._stanzas():
            # obonet takes lines behind an empty one for a header.
            yield from self._whole(stanza)
            yield "\n"
        if not self._seen:
            raise self._error("there is no [Term] in it", "fetch the file again")

    def _stanzas(self) -> Iterator[Stanza]:
        stanza: Stanza = []
        for number, text in decoded_lines(self._path, "KP420", self._bad):
            line = text.strip()
            if not line or line.startswith("!"):
                continue
            if line.startswith("[") and stanza:
                yield stanza
                stanza = []
            stanza.append((number, line))
        if stanza:
            yield stanza

    def _whole(self, stanza: Stanza) -> Iterator[str]:
        (number, head), *lines = stanza
        kind = head.split("!")[0].strip()
        if not head.startswith("["):
            kind, lines = "", stanza
        elif kind not in _STANZAS:
            self._bad(number, f"{kind} is none of {', '.join(_STANZAS)}", len(stanza))
            return
        once: dict[str, str] = {}
        kept = []
        for at, line in lines:
            if what := _wrong(kind, line, once):
                self._bad(at, what)
            else:
                kept.append(line)
        if kind == "[Term]":
            own = once.get("id", "")
            if not own or own in self._seen:
                twice = f"the term {own!r} comes twice, first in line {self._seen.get(own)}"
                self._bad(number, twice if own else "a term without an id", len(kept) + 1)
                return
            self._seen[own] = number
            self.counts["obsolete_terms"] += "is_obsolete: true" in kept
        yield from (f"{line}\n" for line in ([kind] if kind else []) + kept)

    def _bad(self, number: int, what: str, lines: int = 1) -> None:
        if not self._skip:
            raise self._error(what, _FIX, number)
        self.counts["malformed_lines"] += lines

    def _error(self, what: str, fix: str, number: int | None = None) -> KpError:
        where = str(self._path) if number is None else f"{self._path}:{number}"
        return KpError("KP420", f"not a readable OBO file: {what}", fix, where)


def _wrong(kind: str, line: str, once: dict[str, str]) -> str:
    """Return what is wrong with a line of a stanza, or an empty text.

    Args:
        kind: the stanza's.
        line: without its end.
        once: what was said by the tags that come once; gets what this line says.
    """
    tag, colon, text = line.partition(":")
    if not tag or not colon:
        return f"not a tag and a value: {line[:60]!r}"
    if kind != "[Term]":
        return ""
    if tag in _ONCE:
        if tag in once:
            return f"a second {tag} of the term"
        once[tag] = parse_tag_line(line).value or ""
    if tag in (*SYNONYMS, "def") and not QUOTED.match(text.strip()):
        return f"no text between quotation marks: {line[:60]!r}"
    if tag in ("is_a", "relationship"):
        parts = (parse_tag_line(line).value or "").split(" ")
        if not all(parts) or len(parts) != (1 if tag == "is_a" else 2):
            return f"not {'a term' if tag == 'is_a' else 'a relation and a term'}: {line[:60]!r}"
    return ""
