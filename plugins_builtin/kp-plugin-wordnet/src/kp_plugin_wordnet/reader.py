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
# offset, lexicographer file, type, count of words, …, gloss
_SYNSET = re.compile(r"\d{8} \d\d [nvasr] [0-9a-f]{2} .+ \| ")
# lemma, part of speech, count of synsets, …, their offsets
_INDEXED = re.compile(r"\S+ [nvasr] [1-9]\d{0,3} .*\d{8} *$")
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

    def exceptions(self, pos: str) -> Mapping[str, list[str]]:
        """Return what the list of irregular forms of a part of speech says each comes from."""
        forms: Mapping[str, list[str]] = self._exception_map[pos]
        return forms

    def bases(self, form: str, pos: str) -> list[str]:
        """Return every lemma that a lower-case form may come from, itself included if it is one.

        `morphy` tells the first alone.
        """
        found: list[str] = self._morphy(form, pos)
        return found

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
    _check(folder)
    try:
        return DictReader(folder)
    # NLTK raises what it comes upon, of a line that ends early a StopIteration in a generator.
    except (WordNetError, ValueError, LookupError, AssertionError, RuntimeError) as error:
        raise malformed(str(folder), repr(error)) from error


def malformed(where: str, what: str) -> KpError:
    """Return the error of a database that is not as its format says."""
    return KpError("KP431", f"malformed WordNet database: {what}", "unpack it again", where)


def _check(folder: Path) -> None:
    """Look at every line; NLTK's reader would leave out a synset that is not at its offset."""
    for pos in ("noun", "verb", "adj", "adv"):
        offsets = set()
        data = folder / f"data.{pos}"
        for number, offset, line in _lines(data, _SYNSET):
            if int(line[:8]) != offset:
                what = f"the synset {line[:8]} is at byte {offset}, not where it says"
                raise malformed(f"{data}:{number}", what)
            offsets.add(offset)
        index = folder / f"index.{pos}"
        for number, _, line in _lines(index, _INDEXED):
            fields = line.split()
            for text in fields[-int(fields[2]) :]:
                if not text.isdecimal() or int(text) not in offsets:
                    what = f"the synset {text} of {fields[0]!r} is not in {data.name}"
                    raise malformed(f"{index}:{number}", what)


def _lines(path: Path, expected: re.Pattern[str]) -> Iterator[tuple[int, int, str]]:
    """Yield number, place in the file and text of each line that is none of the notice."""
    with path.open(encoding="latin-1", newline="\n") as lines:
        offset = 0
        for number, line in enumerate(lines, start=1):
            if not line.endswith("\n"):
                raise malformed(f"{path}:{number}", "the file ends within a line")
            if not line.startswith("  "):  # two blanks begin a line of the notice
                if not expected.match(line):
                    what = f"not as a line of {path.name} is: {line[:60]!r}"
                    raise malformed(f"{path}:{number}", what)
                yield number, offset, line
            offset += len(line)


def tag_counts(folder: Path) -> Mapping[str, int]:
    """Return how often each sense key was tagged; empty without ``cntlist.rev``."""
    path = folder / "cntlist.rev"
    if not path.is_file():
        return {}
    with path.open(encoding="latin-1") as lines:
        counts: dict[str, int] = {}
        for number, line in enumerate(lines, start=1):
            fields = line.split()
            if len(fields) != 3 or not fields[2].isdecimal() or len(fields[2]) > 18:
                what = f"not a sense key, a number and a count: {line[:60]!r}"
                raise KpError("KP431", what, "unpack it again", f"{path}:{number}")
            counts[fields[0]] = int(fields[2])
        return counts
