"""Writes a made-up Metathesaurus in the layout of the real one, for tests and trials.

``python -m kp_plugin_umls.synthetic FOLDER --concepts 1000`` writes ``FOLDER/META``. Nothing of it
is taken from the UMLS but the layout, the names of columns, and the abbreviations of semantic types
and vocabularies. Equal arguments give equal bytes, and memory does not grow with the size.
"""

import argparse
import gzip
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from kp_plugin_umls.made_up import LAYOUT, Fields, MadeUp

RELEASE = "2001XX"
_CHUNK = 4_096


def write(
    folder: Path, concepts: int, names: int = 5, relations: int = 10, packed: bool = False
) -> dict[str, int]:
    """Write a META folder.

    Args:
        folder: where ``META`` goes.
        concepts: how many concepts.
        names: English names of a concept; a few concepts have Spanish and obsolete ones besides.
        relations: rows of MRREL that have a concept as CUI1, half of them inverse ones.
        packed: whether the large files are gzipped.

    Returns:
        The rows of each file.
    """
    meta = folder / "META"
    meta.mkdir(parents=True, exist_ok=True)
    made = MadeUp(concepts, names, relations)
    rows: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for name, content in made.tables().items():
        path = meta / (f"{name}.gz" if packed else name)
        with _opened(path, packed) as file:
            rows[name], sizes[name] = _write(file, content)
    _write_plain(meta, "MRDOC.RRF", _documentation(), rows, sizes)
    _write_plain(meta, "MRCOLS.RRF", _columns(), rows, sizes)
    described = [*rows, "MRFILES.RRF"]
    rows["MRFILES.RRF"], sizes["MRFILES.RRF"] = len(described), 0
    listing = [_description(name, rows[name], sizes[name]) for name in described]
    _write_plain(meta, "MRFILES.RRF", iter(listing), rows, sizes)
    (meta / "release.dat").write_text(f"umls.release.name={RELEASE}\n", encoding="utf-8")
    return rows


def _opened(path: Path, packed: bool) -> IO[bytes]:
    # No name and no time in the header, so that equal content is equal bytes.
    return gzip.GzipFile(path, "wb", compresslevel=1, mtime=0) if packed else path.open("wb")


def _write_plain(
    meta: Path, name: str, content: Iterator[Fields], rows: dict[str, int], sizes: dict[str, int]
) -> None:
    with (meta / name).open("wb") as file:
        rows[name], sizes[name] = _write(file, content)


def _write(file: IO[bytes], content: Iterator[Fields]) -> tuple[int, int]:
    rows = size = 0
    pending: list[str] = []

    def flush() -> int:
        data = "".join(pending).encode()
        pending.clear()
        file.write(data)
        return len(data)

    for fields in content:
        pending.append("|".join(fields) + "|\n")
        rows += 1
        if len(pending) == _CHUNK:
            size += flush()
    return rows, size + flush()


def _documentation() -> Iterator[Fields]:
    yield "RELEASE", "umls.release.name", "release_info", RELEASE
    yield "REL", "CHD", "expanded_form", "has child relationship"
    yield "REL", "PAR", "expanded_form", "has parent relationship"
    yield (
        "REL",
        "RO",
        "expanded_form",
        "has relationship other than synonymous, narrower, or broader",
    )


def _columns() -> Iterator[Fields]:
    """Yield MRCOLS; the lengths are left empty."""
    for name, columns in LAYOUT.items():
        for column in columns:
            yield column, column, "", "", "", "", name, "varchar(4000)"


def _description(name: str, rows: int, size: int) -> Fields:
    columns = LAYOUT[name]
    return name, name, ",".join(columns), str(len(columns)), str(rows), str(size)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a folder and say what is in it."""
    parser = argparse.ArgumentParser(prog="python -m kp_plugin_umls.synthetic", description=__doc__)
    parser.add_argument("folder", type=Path, help="where META goes")
    parser.add_argument("--concepts", type=int, default=1_000)
    parser.add_argument("--names", type=int, default=5, help="English names of a concept")
    parser.add_argument("--relations", type=int, default=10, help="relations of a concept")
    parser.add_argument("--gzip", action="store_true", help="pack the large files")
    given = parser.parse_args(arguments)
    if given.concepts < 20 or given.names < 1 or given.relations < 2:
        parser.error("at least 20 concepts, 1 name and 2 relations")
    for name, count in write(
        given.folder, given.concepts, given.names, given.relations, given.gzip
    ).items():
        sys.stdout.write(f"{name} {count}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
