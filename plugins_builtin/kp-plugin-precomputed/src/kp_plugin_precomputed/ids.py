"""Reads which row belongs to which entity."""

import json
from pathlib import Path
from typing import Any

from kpframework import KpError

_FIX = "export the ids again, together with the matrix"


def read_ids(path: Path, layout: str) -> list[str]:
    """Return the entity ids in the order of the rows.

    Raises:
        KpError: KP451 the file is malformed, KP452 ids or rows come twice or are missing.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if layout == "json" or (layout == "auto" and path.suffix == ".json"):
            return _json(path, json.loads(text))
    except (OSError, ValueError) as error:
        raise KpError("KP451", f"not readable: {error}", _FIX, str(path)) from error
    lines = text.splitlines()
    if layout == "openke" or (layout == "auto" and lines and lines[0].strip().isdecimal()):
        return _openke(path, lines)
    return _checked(path, {}, [line.rstrip("\r") for line in lines])


def _openke(path: Path, lines: list[str]) -> list[str]:
    rows: dict[str, int] = {}
    pairs = [line for line in lines[1:] if line.strip()]
    for number, line in enumerate(pairs, start=2):
        id_, _, row = line.strip().rpartition("\t") if "\t" in line else line.rpartition(" ")
        if not id_ or not row.strip().isdecimal():
            raise KpError("KP451", f"not 'id <tab> row': {line[:80]!r}", _FIX, f"{path}:{number}")
        if id_.strip() in rows:
            raise KpError("KP452", f"the id {id_!r} comes twice", _FIX, f"{path}:{number}")
        rows[id_.strip()] = int(row)
    if not lines or not lines[0].strip().isdecimal() or int(lines[0]) != len(rows):
        first = lines[0][:80] if lines else ""
        raise KpError(
            "KP452", f"the first line says {first!r}, but {len(rows)} ids follow", _FIX, str(path)
        )
    return _checked(path, rows, [])


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
            raise KpError(
                "KP452", f"the rows are not 0 to {len(ids) - 1}, each once", _FIX, str(path)
            )
    if len(set(ids)) != len(ids) or not all(ids):
        raise KpError("KP452", "an id comes twice, or is empty", _FIX, str(path))
    return ids
