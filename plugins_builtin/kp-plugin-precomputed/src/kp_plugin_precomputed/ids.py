"""Reads which row belongs to which entity."""

import csv
from pathlib import Path
from typing import Any

from kpframework import KpError
from kpframework.api import read_json, unpacked_suffix, unpacked_text

_FIX = "export the ids again, together with the matrix"


def read_ids(path: Path, layout: str) -> list[str]:
    """Return the entity ids in the order of the rows.

    Raises:
        KpError: KP451 the file is malformed, KP452 ids or rows come twice or are missing.
    """
    if layout == "json" or (layout == "auto" and unpacked_suffix(path) == ".json"):
        return _json(path, read_json(path, "KP451"))
    text = unpacked_text(path, "KP451", _FIX)
    # Only \n ends a line: an id may hold other separators that str.splitlines cuts at.
    lines = [line.rstrip("\r") for line in text.removesuffix("\n").split("\n")] if text else []
    if layout == "openke" or (layout == "auto" and lines and lines[0].strip().isdecimal()):
        return _openke(path, lines)
    if layout in ("row-id", "id-row") or (layout == "auto" and lines and "\t" in lines[0]):
        return _columns(path, lines, layout)
    return _checked(path, {}, lines)


def _openke(path: Path, lines: list[str]) -> list[str]:
    rows: dict[str, int] = {}
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        id_, _, row = line.strip().rpartition("\t") if "\t" in line else line.rpartition(" ")
        _add(path, number, rows, id_.strip(), row.strip(), line)
    if not lines or not _is_row(lines[0].strip()) or int(lines[0]) != len(rows):
        first = lines[0][:80] if lines else ""
        raise KpError(
            "KP452", f"the first line says {first!r}, but {len(rows)} ids follow", _FIX, str(path)
        )
    return _checked(path, rows, [])


def _columns(path: Path, lines: list[str], layout: str) -> list[str]:
    """Read DGL-KE's and PyKEEN's two columns: which is the row is told by the first numbers."""
    header = not any(part.isdecimal() for part in lines[0].split("\t")) if lines else False
    rows: dict[str, int] = {}
    for number, line in enumerate(lines[header:], start=1 + header):
        # pandas, which writes PyKEEN's, quotes an id that holds a quotation mark.
        quoted = header and '"' in line
        parts = next(csv.reader([line], delimiter="\t")) if quoted else line.split("\t")
        if len(parts) != 2:
            what = f"{len(parts)} columns instead of 2: {line[:80]!r}"
            raise KpError("KP451", what, _FIX, f"{path}:{number}")
        if layout == "auto":
            layout = _order(path, number, parts)
        own, row = parts if layout == "id-row" else reversed(parts)
        _add(path, number, rows, own, row, line)
    return _checked(path, rows, [])


def _order(path: Path, number: int, parts: list[str]) -> str:
    numbers = [part.isdecimal() for part in parts]
    if numbers.count(True) != 1:
        raise KpError(
            "KP451",
            f"which column is the row is not told by {parts[0][:40]!r} and {parts[1][:40]!r}",
            "set 'ids_format' to 'row-id' or 'id-row' (or to 'list', where a line is one id)",
            f"{path}:{number}",
        )
    return "row-id" if numbers[0] else "id-row"


def _add(path: Path, number: int, rows: dict[str, int], own: str, row: str, line: str) -> None:
    if not own or not _is_row(row):
        raise KpError("KP451", f"not an id and a row: {line[:80]!r}", _FIX, f"{path}:{number}")
    if own in rows:
        raise KpError("KP452", f"the id {own!r} comes twice", _FIX, f"{path}:{number}")
    rows[own] = int(row)


def _is_row(text: str) -> bool:
    return text.isdecimal() and len(text) <= 18


def _json(path: Path, value: Any) -> list[str]:
    if isinstance(value, list) and all(isinstance(id_, str) for id_ in value):
        return _checked(path, {}, value)
    # A JSON true is an int to Python.
    if isinstance(value, dict) and all(type(row) is int for row in value.values()):
        return _checked(path, value, [])
    raise KpError("KP451", "neither a list of ids nor an object of id to row", _FIX, str(path))


def _checked(path: Path, rows: dict[str, int], ids: list[str]) -> list[str]:
    """Return ids in the order of their rows, all there, none twice, none empty."""
    if rows:
        ids = sorted(rows, key=rows.__getitem__)
        if [rows[id_] for id_ in ids] != list(range(len(ids))):
            wrong = next(own for at, own in enumerate(ids) if rows[own] != at)
            raise KpError(
                "KP452",
                f"the rows are not 0 to {len(ids) - 1}, each once: {wrong!r} has {rows[wrong]}",
                _FIX,
                str(path),
            )
    if len(set(ids)) != len(ids) or not all(ids):
        seen: dict[str, int] = {}
        for row, own in enumerate(ids):
            first = seen.setdefault(own, row)
            if not own or first != row:
                what = (
                    f"the id {own!r} comes twice, first in row {first}" if own else "an id is empty"
                )
                raise KpError("KP452", what, _FIX, f"{path} (row {row})")
    return ids
