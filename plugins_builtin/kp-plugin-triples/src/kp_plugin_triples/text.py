"""Rows of a text file, and what is wrong with those that are malformed."""

import csv
from collections.abc import Callable, Iterator, Sequence

from kp_plugin_triples.config import PARTS
from kp_plugin_triples.layout import Layout
from kpframework.api import numbered_lines

Bad = Callable[[int, int, str], None]
Lines = Iterator[tuple[int, bytes]]
Rows = Iterator[tuple[str, str, str]]


def text_rows(layout: Layout, bad: Bad) -> Rows:
    """Yield (head, relation, tail) line by line; empty lines are none.

    Args:
        layout: the file.
        bad: told where a malformed row begins, how many lines it has, and what is wrong; raises, or
            the row is left out.
    """
    lines = numbered_lines(layout.path, "KP426")
    return _quoted(layout, lines, bad) if layout.quoted else _plain(layout, lines, bad)


def _plain(layout: Layout, lines: Lines, bad: Bad) -> Rows:
    width, delimiter = len(layout.columns), layout.delimiter
    head, relation, tail = places = _places(layout)
    for number, raw in lines:
        row = _decoded(raw, number).rstrip("\r").split(delimiter)
        if row == [""] or (layout.header and number == 1):
            continue
        # Most lines need no closer look.
        clean = len(row) == width and raw.isascii() and b"\0" not in raw
        whole = clean and row[head] and row[relation] and row[tail]
        if not whole and (what := _wrong(layout, row, places)):
            bad(number, 1, what)
        else:
            yield row[head], row[relation], row[tail]


def _quoted(layout: Layout, lines: Lines, bad: Bad) -> Rows:
    width = len(layout.columns)
    head, relation, tail = places = _places(layout)
    count = 0

    def texts() -> Iterator[str]:
        nonlocal count
        for count, raw in lines:
            yield _decoded(raw, count) + "\n"  # which may stand between quotation marks

    rows = csv.reader(texts(), delimiter=layout.delimiter, strict=True)
    while True:
        begin = count + 1
        try:
            row = next(rows)
            text = "".join(row)
            clean = len(row) == width and text.isascii() and "\0" not in text
            if row and not (clean and row[head] and row[relation] and row[tail]):
                what = _wrong(layout, row, places)
            else:
                what = ""
        except csv.Error as error:
            row, what = [], f"no CSV: {error}; a quotation mark may not be closed"
        except StopIteration:
            return
        if layout.header and begin == 1:
            continue
        if what:
            bad(begin, count + 1 - begin, what)
        elif row:
            yield row[head], row[relation], row[tail]


def undecodable(text: str) -> bool:
    """Say whether ``text``, decoded with surrogateescape or by JSON, is none of Unicode."""
    if text.isascii():
        return False
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _places(layout: Layout) -> tuple[int, int, int]:
    head, relation, tail = (layout.columns.index(part) for part in PARTS)
    return head, relation, tail


def _decoded(raw: bytes, number: int) -> str:
    # What is not UTF-8 must not keep the lines beside it from being read.
    return raw.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")


def _wrong(layout: Layout, row: list[str], places: Sequence[int]) -> str:
    """Return what is wrong with a row, or an empty text."""
    if len(row) != len(layout.columns):
        text = layout.delimiter.join(row)[:80]
        return f"{len(row)} columns instead of {len(layout.columns)}: {text}"
    for name, place in zip(PARTS, places, strict=True):
        if not row[place]:
            return f"the {name} is empty"
        if undecodable(row[place]):
            return f"the {name} is not UTF-8"
        if "\0" in row[place]:
            return f"the {name} holds a NUL character; is the file UTF-16?"
    return ""
