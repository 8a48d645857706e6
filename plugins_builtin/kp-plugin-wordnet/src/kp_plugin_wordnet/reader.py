"""NLTK's reader, made to accept a plain folder of database files."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nltk.data
from nltk.corpus.reader.wordnet import WordNetCorpusReader, WordNetError

from kpframework import KpError

# In the order of their numbers, lexnames(5WN); Debian does not ship the file of that name.
_NOUN = (
    "Tops act animal artifact attribute body cognition communication event feeling food group "
    "location motive object person phenomenon plant possession process quantity relation shape "
    "state substance time"
)
_VERB = (
    "body change cognition communication competition consumption contact creation emotion motion "
    "perception possession social stative weather"
)
_LEXNAMES = [
    *("adj.all", "adj.pert", "adv.all"),
    *(f"noun.{name}" for name in _NOUN.split()),
    *(f"verb.{name}" for name in _VERB.split()),
    "adj.ppl",
]
_SYNSET = re.compile(r"\d{8} \d\d [nvasr] [0-9a-f]{2} .+ \| ")
_FILES = [f"{what}.{pos}" for what in ("data", "index") for pos in ("noun", "verb", "adj", "adv")]


class DictReader(WordNetCorpusReader):  # type: ignore[misc]
    """The reader without what needs files beside the database: other languages, sense index."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with self.allowed(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            super().__init__(nltk.data.FileSystemPathPointer(str(folder)), None)
        self._senses: dict[str, dict[str, dict[int, int]]] = {}

    @contextmanager
    def allowed(self) -> Iterator[None]:
        """Let NLTK read the folder: it opens none that is not on its own path."""
        nltk.data.path.append(str(self._folder))
        try:
            yield
        finally:
            nltk.data.path.remove(str(self._folder))

    def open(self, file: str) -> Any:
        """Open a file of the folder; the list of lexicographer files is built in."""
        if file == "lexnames":
            return io.StringIO("".join(f"{i:02}\t{name}\t0\n" for i, name in enumerate(_LEXNAMES)))
        # Plain ASCII, but a byte must be a character: offsets are positions in the file.
        return (self._folder / file).open(encoding="latin-1", newline="\n")

    def map_wn(self, version: str = "wordnet") -> None:
        """Map no other version: it needs NLTK's own data."""

    def sense_order(self, lemma: str, pos: str) -> Mapping[int, int]:
        """Return the rank, from 0, of each synset offset of a lower-case lemma."""
        if pos not in self._senses:
            self._senses[pos] = self._read_index(pos)
        return self._senses[pos][lemma]

    def _read_index(self, pos: str) -> dict[str, dict[int, int]]:
        order: dict[str, dict[int, int]] = {}
        with self.open(f"index.{self._FILEMAP[pos]}") as lines:
            for line in lines:
                if not line.startswith(" "):
                    fields = line.split()
                    offsets = fields[-int(fields[2]) :]
                    order[fields[0]] = {int(text): rank for rank, text in enumerate(offsets)}
        return order


def open_reader(folder: Path) -> DictReader:
    """Return a reader of a folder.

    Raises:
        KpError: KP430 a file is missing, KP431 one is malformed.
    """
    missing = [name for name in _FILES if not (folder / name).is_file()]
    if missing:
        raise KpError(
            "KP430",
            f"not a WordNet database: {', '.join(missing)} missing",
            "apt-get install wordnet-base, or give the 'dict' folder of WordNet 3.x",
            str(folder),
        )
    try:
        return DictReader(folder)
    except (WordNetError, ValueError, IndexError, AssertionError) as error:
        raise malformed(folder, error) from error


def malformed(folder: Path, error: Exception) -> KpError:
    """Return the error of a database, with the first line of its data that is no synset."""
    where = str(folder)
    for pos in ("noun", "verb", "adj", "adv"):
        with (folder / f"data.{pos}").open(encoding="latin-1", newline="\n") as lines:
            # offset, lexicographer file, type, count of words, …, gloss; two blanks begin a notice
            bad = (
                number
                for number, line in enumerate(lines, start=1)
                if not line.startswith("  ") and not _SYNSET.match(line)
            )
            if number := next(bad, None):
                where = f"{folder / f'data.{pos}'}:{number}"
                break
    return KpError("KP431", f"malformed WordNet database: {error!r}", "unpack it again", where)


def tag_counts(folder: Path) -> Mapping[str, int]:
    """Return how often each sense key was tagged; empty without ``cntlist.rev``."""
    path = folder / "cntlist.rev"
    if not path.is_file():
        return {}
    with path.open(encoding="latin-1") as lines:
        return {key: int(count) for key, _, count in map(str.split, lines)}
