"""Lines of a text file that may be packed, and what becomes of malformed ones."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from kpframework import KpError
from kpframework.api import decoded_lines

TRIPLE = ("head", "relation", "tail")


class Lines:
    """Reads files line by line and counts the malformed lines of each.

    Args:
        skip: whether a malformed line is left out; otherwise the first is an error. None where that
            cannot be chosen.
    """

    def __init__(self, skip: bool | None = None) -> None:
        self._skip = skip
        self._malformed: dict[Path, int] = {}

    def read(self, path: Path) -> Iterator[tuple[int, str]]:
        """Yield (line number, line without its end).

        Raises:
            KpError: KP490 a line is not UTF-8, KP491 the file cannot be read to its end.
        """
        self._malformed[path] = 0
        yield from decoded_lines(path, "KP491", partial(self.bad, path))

    def bad(self, path: Path, number: int, what: str) -> None:
        """Count a malformed line.

        Raises:
            KpError: KP490 malformed lines are not left out.
        """
        if not self._skip:
            more = "" if self._skip is None else ', or set "on_bad_line": "skip"'
            raise malformed(path, number, what, more)
        self._malformed[path] += 1

    def triples(self, path: Path) -> Iterator[tuple[str, str, str]]:
        """Yield (head, relation, tail) of lines that have them between tabs."""
        for number, line in self.read(path):
            parts = line.split("\t")
            if len(parts) != len(TRIPLE):
                self.bad(path, number, f"{len(parts)} columns instead of 3: {line[:80]}")
            elif not all(parts):
                self.bad(path, number, f"the {TRIPLE[parts.index('')]} is empty")
            else:
                yield parts[0], parts[1], parts[2]

    def counts(self) -> dict[str, str]:
        """Return how many lines were left out of the files of a name that had malformed ones."""
        found: Counter[str] = Counter()
        for path, count in self._malformed.items():
            found[f"malformed_{path.name}"] += count
        return {key: str(count) for key, count in found.items() if count}


def malformed(path: Path, number: int, what: str, more: str = "") -> KpError:
    """Return the error of a malformed line."""
    return KpError("KP490", what, f"correct the file{more}", f"{path}:{number}")
