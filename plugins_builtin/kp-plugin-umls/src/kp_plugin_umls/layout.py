"""Which files a Metathesaurus has and what their columns are: as it says itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kpframework import KpError
from kpframework.api import decoded_lines

NAMES, TYPES, RELATIONS = "MRCONSO.RRF", "MRSTY.RRF", "MRREL.RRF"
DEFINITIONS, RETIRED = "MRDEF.RRF", "MRCUI.RRF"
_FILES, _COLUMNS, _DOCUMENTATION = "MRFILES.RRF", "MRCOLS.RRF", "MRDOC.RRF"
# MRFILES describes every file, itself included; only where it says so has to be known.
_FILES_FORMAT = ("FIL", "DES", "FMT", "CLS", "RWS", "BTS")
_RELEASE = "umls.release.name"
_INSTALL = "install the release or the subset again, with MetamorphoSys"


@dataclass(frozen=True)
class Table:
    """One RRF file: where it is, its columns in order, and how many rows it should have."""

    name: str
    path: Path
    columns: tuple[str, ...]
    rows: int

    def at(self, *wanted: str) -> list[int]:
        """Return the places of columns.

        Raises:
            KpError: KP481 there is no such column.
        """
        lacking = [name for name in wanted if name not in self.columns]
        if lacking:
            raise KpError(
                "KP481",
                f"{self.name} has no column {', '.join(lacking)}: {_FILES} lists "
                f"{', '.join(self.columns)}",
                _INSTALL,
                str(self.path),
            )
        return [self.columns.index(name) for name in wanted]


@dataclass(frozen=True)
class Metathesaurus:
    """A META folder, as its ``MRFILES.RRF`` and ``MRCOLS.RRF`` describe it."""

    folder: Path
    tables: Mapping[str, Table]
    """The files that are described and there, by name."""

    @classmethod
    def open(cls, folder: Path) -> "Metathesaurus":
        """Read the description of the files.

        Raises:
            KpError: KP480 it is not there, KP481 it contradicts itself.
        """
        path = _there(folder, _FILES)
        if path is None:
            raise KpError(
                "KP480",
                f"no {_FILES}, which says what the columns of the other files are",
                "give the META folder, with the files MetamorphoSys wrote",
                str(folder),
            )
        tables: dict[str, Table] = {}
        for number, row in _rows(path, len(_FILES_FORMAT)):
            name, _, columns, count, rows, _ = row
            table = tuple(columns.split(","))
            if count != str(len(table)) or not (rows.isdecimal() and len(rows) <= 18):
                raise KpError(
                    "KP481",
                    f"{name} has {count} columns, but they are {columns}; rows: {rows!r}",
                    _INSTALL,
                    f"{path}:{number}",
                )
            if name == _FILES and table != _FILES_FORMAT:
                raise KpError(
                    "KP481", f"its own columns are {columns}", _INSTALL, f"{path}:{number}"
                )
            if (found := _there(folder, name)) is not None:
                tables[name] = Table(name, found, table, int(rows))
        made = cls(folder, tables)
        made._compare()
        return made

    def table(self, name: str) -> Table:
        """Return a file that has to be there.

        Raises:
            KpError: KP480 it is not.
        """
        if name not in self.tables:
            missing = _there(self.folder, name) is None
            what = "is not there" if missing else f"is there, but {_FILES} does not describe it"
            raise KpError("KP480", f"{name} {what}", _INSTALL, str(self.folder))
        return self.tables[name]

    def release(self) -> str:
        """Return the release's name by ``release.dat`` or ``MRDOC.RRF``; empty if in neither."""
        for path in self._release_files():
            if path.name == "release.dat":
                for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
                    key, _, value = line.partition("=")
                    if key.strip() == _RELEASE:
                        return value.strip()
                continue
            table = self.tables[_DOCUMENTATION]
            key, value, name = table.at("DOCKEY", "VALUE", "EXPL")
            for _, row in _rows(path, len(table.columns)):
                if row[key] == "RELEASE" and row[value] == _RELEASE:
                    return row[name]
        return ""

    def files(self, names: Sequence[str]) -> list[Path]:
        """Return the files of these names that are there, and those that describe them."""
        wanted = [path for name in (_FILES, _COLUMNS) if (path := _there(self.folder, name))]
        wanted += self._release_files()
        return wanted + [self.tables[name].path for name in names if name in self.tables]

    def _release_files(self) -> list[Path]:
        beside = [self.folder / "release.dat", self.folder.parent / "release.dat"]
        found = [path for path in beside if path.is_file()][:1]
        table = self.tables.get(_DOCUMENTATION)
        return [*found, *([table.path] if table else [])]

    def _compare(self) -> None:
        """Check that MRCOLS names the same columns as MRFILES."""
        if _COLUMNS not in self.tables:
            return
        table = self.tables[_COLUMNS]
        column, file = table.at("COL", "FIL")
        said: dict[str, set[str]] = {}
        for _, row in _rows(table.path, len(table.columns)):
            said.setdefault(row[file], set()).add(row[column])
        for name, known in self.tables.items():
            if name in said and said[name] != set(known.columns):
                differ = sorted(said[name] ^ set(known.columns))
                raise KpError(
                    "KP481",
                    f"{_FILES} and {_COLUMNS} do not agree on {name}: {', '.join(differ)}",
                    _INSTALL,
                    str(table.path),
                )


def _there(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _rows(path: Path, width: int) -> Iterator[tuple[int, list[str]]]:
    """Yield (line number, fields) of a small file; every line ends in a separator."""

    def bad(number: int, what: str) -> None:
        raise KpError("KP482", what, _INSTALL, f"{path}:{number}")

    for number, line in decoded_lines(path, "KP483", bad):
        *fields, end = line.split("|")
        if len(fields) != width or end:
            bad(number, f"{len(fields)} columns instead of {width}, each with a | behind it")
        yield number, fields
