"""From a file to a networkx graph, or a clear error."""

import bz2
import gzip
import json
import xml.etree.ElementTree as ET
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import networkx as nx
from networkx.readwrite.graphml import GraphMLReader

from kp_plugin_graph.edge_list import read_edge_list
from kpframework import KpError

_OPENERS: dict[str, Callable[[Path, str], IO[bytes]]] = {".gz": gzip.open, ".bz2": bz2.open}


def read_graph(path: Path, layout: str, delimiter: str | None) -> Any:
    """Read a graph.

    Args:
        path: may end in ``.gz`` or ``.bz2``.
        layout: graphml, gexf, node-link or edge-list.
        delimiter: between the columns of an edge list; None is any blanks.

    Raises:
        KpError: KP437 it is no graph of that format, KP438 it cannot be read to its end.
    """
    opener = _OPENERS.get(path.suffix.lower())
    try:
        with opener(path, "rb") if opener else path.open("rb") as file:
            if layout == "edge-list":
                return read_edge_list(path, file, delimiter)
            return {"graphml": _graphml, "gexf": _gexf, "node-link": _node_link}[layout](file)
    except ET.ParseError as error:
        line, _ = error.position
        raise _malformed(f"{path}:{line}", error) from error
    except json.JSONDecodeError as error:
        raise _malformed(f"{path}:{error.lineno}", error) from error
    # networkx raises what it comes upon: of a missing attribute, of a value of another type.
    except (nx.NetworkXException, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _malformed(str(path), error) from error
    except (OSError, EOFError, zlib.error) as error:
        raise KpError(
            "KP438",
            f"cannot be read to its end: {error}",
            "fetch the file again; a truncated one is not read in part",
            str(path),
        ) from error


def _malformed(where: str, error: Exception) -> KpError:
    what = f"no attribute or element {error}" if isinstance(error, KeyError) else str(error)
    return KpError("KP437", what, "correct the file, or set 'format' to what it is", where)


def _graphml(file: IO[bytes]) -> Any:
    graphs = list(GraphMLReader(node_type=str, force_multigraph=True)(path=file))
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} graphs in the file instead of one")
    return graphs[0]


def _gexf(file: IO[bytes]) -> Any:
    return nx.read_gexf(file, node_type=str)


def _node_link(file: IO[bytes]) -> Any:
    data = json.load(file)
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        raise ValueError("no JSON object with a list of 'nodes'")
    edges = "edges" if "edges" in data else "links"
    if not isinstance(data.get(edges), list):
        raise ValueError("no list of 'edges' (or 'links')")
    ids = [_field(node, "id", f"nodes[{at}]") for at, node in enumerate(data["nodes"])]
    known = Counter(ids)
    if len(known) != len(ids):
        raise ValueError(f"the node {known.most_common(1)[0][0]!r} comes twice")
    for at, edge in enumerate(data[edges]):
        for end in ("source", "target"):
            if (own := _field(edge, end, f"{edges}[{at}]")) not in known:
                raise ValueError(f"{edges}[{at}] names {own!r}, which is no node")
    # Parallel edges are edges of their own, whatever the file calls the graph.
    return nx.node_link_graph(data, multigraph=True, edges=edges)


def _field(record: Any, key: str, where: str) -> str | int | float:
    value = record.get(key) if isinstance(record, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"{where} has no text or number as {key!r}")
    return value
