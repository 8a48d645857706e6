"""Reads mappings from SSSOM's tab-separated files."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kpframework import KpError
from kpframework.api import decoded_lines

_COLUMNS = ("subject_id", "predicate_id", "object_id")
NOTHING = "sssom:NoTermFound"


@dataclass(frozen=True)
class Mapping:
    """``subject --predicate--> object``, as CURIEs."""

    subject: str
    predicate: str
    object: str
    negated: bool


def read_mappings(
    path: Path, bad: Callable[[Path, int, str], None], facts: dict[str, str]
) -> Iterator[Mapping]:
    """Yield the mappings of a file in order.

    The format is SSSOM's TSV (https://mapping-commons.github.io/sssom/): metadata in lines that
    begin with ``#``, a line of column names, a mapping a line.

    Args:
        path: may be packed.
        bad: told file, line number and what is wrong of a malformed line; raises, or counts it.
        facts: filled with the metadata's entries of one line, such as ``license``.

    Raises:
        KpError: KP445 a column is missing, KP446 the file cannot be read to its end.
    """
    columns: dict[str, int] | None = None
    for number, line in decoded_lines(path, "KP446", partial(bad, path)):
        if line.startswith("#") and columns is None:
            key, _, value = line[1:].strip().partition(":")
            facts.setdefault(key, value.strip().strip("\"'"))
            continue
        if not line.strip():
            continue
        try:
            parts = next(csv.reader([line], delimiter="\t")) if '"' in line else line.split("\t")
        except csv.Error as error:  # a quoted field of 128 kB
            bad(path, number, f"not readable: {error}")
            continue
        if columns is None:
            columns = _header(path, number, parts)
            continue
        if len(parts) != len(columns):
            bad(path, number, f"{len(parts)} columns instead of {len(columns)}: {line[:80]}")
            continue
        subject, predicate, target = (parts[columns[name]].strip() for name in _COLUMNS)
        if not subject or not predicate or not target:
            bad(path, number, f"no subject, predicate or object: {line[:80]}")
            continue
        modifier = parts[columns["predicate_modifier"]] if "predicate_modifier" in columns else ""
        yield Mapping(subject, predicate, target, modifier.strip().lower() == "not")
    if columns is None:
        raise _no_sssom(f"{path}", "no line of column names")


def _header(path: Path, number: int, names: list[str]) -> dict[str, int]:
    columns = {name.strip(): position for position, name in enumerate(names)}
    if lacking := [name for name in _COLUMNS if name not in columns]:
        raise _no_sssom(f"{path}:{number}", f"no column {', '.join(lacking)}")
    if len(columns) != len(names):
        raise _no_sssom(f"{path}:{number}", "a column name comes twice")
    return columns


def _no_sssom(where: str, what: str) -> KpError:
    return KpError("KP445", what, f"give an SSSOM file, with {', '.join(_COLUMNS)}", where)
