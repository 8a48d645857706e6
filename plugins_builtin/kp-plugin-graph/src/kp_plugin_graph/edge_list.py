"""Edge lists, of which networkx's own reader drops short lines in silence."""

import ast
from pathlib import Path
from typing import Any

import networkx as nx

from kpframework import KpError
from kpframework.api import decoded_lines


def read_edge_list(path: Path, delimiter: str | None) -> Any:
    """Return the directed graph of lines ``head tail``, with a relation or a dict behind them.

    Raises:
        KpError: KP437 a line is malformed; names it. KP438 the file cannot be read to its end.
    """

    def bad(number: int, what: str) -> None:
        raise _malformed(path, number, what)

    graph: Any = nx.MultiDiGraph()
    for number, text in decoded_lines(path, "KP438", bad):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        parts = [part.strip() for part in line.split(delimiter, 2)]
        if len(parts) < 2 or not all(parts):
            raise _malformed(path, number, f"not a head and a tail: {line[:60]!r}")
        graph.add_edge(parts[0], parts[1], **_attributes(path, number, parts[2:]))
    return graph


def _attributes(path: Path, number: int, rest: list[str]) -> dict[str, Any]:
    if not rest:
        return {}
    if not rest[0].startswith("{"):
        return {"relation": rest[0]}
    try:
        found = ast.literal_eval(rest[0])
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise _malformed(path, number, f"no attributes: {rest[0][:60]!r}") from error
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise _malformed(path, number, f"no attributes: {rest[0][:60]!r}")
    return found


def _malformed(path: Path, number: int, what: str) -> KpError:
    return KpError("KP437", what, "correct the line, or set 'delimiter'", f"{path}:{number}")
