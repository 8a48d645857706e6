"""Cutting inputs into shards: at line ends, by size alone, each named by what is in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from kpframework.digest import json_digest
from kpframework.errors import KpError
from kpframework.link.inputs import Source

MAX_LINE = 64 * 2**20
"""Bytes of the longest line, or whole file, that is taken for a text."""
_BLOCK = 2**20


@dataclass(frozen=True)
class Piece:
    """A run of lines of one input, or a whole one."""

    label: str
    path: str
    format: str
    start: int
    """First byte."""
    stop: int
    """End, in bytes, exclusive."""
    line: int
    """Number of the first line."""
    lines: int
    sha256: str
    """Of the bytes: whoever links them checks that they are still the same."""


@dataclass(frozen=True)
class Plan:
    """What there is to do."""

    shards: list[dict[str, Any]] = field(default_factory=list)
    """``{"key": …, "pieces": […]}`` each, as JSON."""
    lines: list[int] = field(default_factory=list)
    """Lines of each shard."""


def cut(sources: Sequence[Source], size: int, identity: Mapping[str, Any]) -> Plan:
    """Read the inputs once and return their shards, of at least ``size`` bytes but the last.

    A shard's key is the hash of its bytes, the names and numbers of its lines, and ``identity``:
    so a shard that was linked once is known again, though others have changed.

    Args:
        sources: in the order of the output.
        size: bytes of a shard; small inputs share one.
        identity: what else decides what a shard's output is.

    Raises:
        KpError: KP831, an input cannot be read; KP833, a line is too long to be a text.
    """
    plan, held, room = Plan(), [], size
    for source in sources:
        for piece, full in _pieces(source, room, size):
            held.append(piece)
            room -= piece.stop - piece.start
            if full or room <= 0:
                _add(plan, held, identity)
                held, room = [], size
    _add(plan, held, identity)
    return plan


def _add(plan: Plan, pieces: Sequence[Piece], identity: Mapping[str, Any]) -> None:
    if pieces:
        content = [[p.label, p.format, p.start == 0, p.line, p.sha256] for p in pieces]
        key = json_digest({**identity, "pieces": content})[:32]
        plan.shards.append({"key": key, "pieces": [asdict(piece) for piece in pieces]})
        plan.lines.append(sum(piece.lines for piece in pieces))


def _pieces(source: Source, room: int, size: int) -> Iterator[tuple[Piece, bool]]:
    """Yield the pieces of an input, the first for a shard with ``room``; and whether it is full."""
    at = _Cursor(source)
    whole = source.format == "file"
    try:
        with source.path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                done = 0
                while done < len(block):
                    wanted = max(room - at.taken, 1)
                    end = -1 if whole else block.find(b"\n", done + wanted - 1)
                    stop = len(block) if end < 0 else end + 1
                    at.take(block[done:stop])
                    done = stop
                    if end >= 0:
                        yield at.piece(), True
                        room = size
    except OSError as error:
        reason = f"it cannot be read: {error.strerror or error}"
        raise KpError("KP831", reason, "check the file", where=source.label) from error
    if at.taken or (whole and at.start == 0):
        yield at.piece(), False


class _Cursor:
    """Where the reading of an input is."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.start = self.taken = self.tail = 0
        self.first = self.line = 1
        self.digest = hashlib.sha256()

    def take(self, chunk: bytes) -> None:
        newlines = chunk.count(b"\n")
        last = chunk.rfind(b"\n") if self.source.format != "file" else -1
        self.tail = self.tail + len(chunk) if last < 0 else len(chunk) - 1 - last
        self.line += newlines
        self.taken += len(chunk)
        self.digest.update(chunk)
        if self.tail > MAX_LINE:
            raise KpError(
                "KP833",
                f"more than {MAX_LINE:,} bytes without a line's end",
                "this is no text; split it, or give the texts one a line",
                where=f"{self.source.label}:{self.line}",
            )

    def piece(self) -> Piece:
        stop = self.start + self.taken
        lines = 1 if self.source.format == "file" else self.line - self.first + bool(self.tail)
        piece = Piece(
            self.source.label,
            str(self.source.path),
            self.source.format,
            self.start,
            stop,
            self.first,
            lines,
            self.digest.hexdigest(),
        )
        self.start, self.taken, self.first = stop, 0, self.line
        self.digest = hashlib.sha256()
        return piece
