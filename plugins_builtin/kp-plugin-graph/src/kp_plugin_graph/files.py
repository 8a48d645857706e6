"""From a file to a networkx graph, or a clear error."""

import xml.etree.ElementTree as ET
from collections import Counter
from pathlib import Path
from typing import IO, Any

import networkx as nx
from networkx.readwrite.graphml import GraphMLReader

from kp_plugin_graph.edge_list import read_edge_list
from kpframework import KpError
from kpframework.api import open_packed, read_json


def read_graph(path: Path, layout: str, delimiter: str | None) -> Any:
    """Read a graph.

    Args:
        path: may be packed.
        layout: graphml, gexf, node-link or edge-list.
        delimiter: between the columns of an edge list; None is any blanks.

    Raises:
        KpError: KP437 it is no graph of that format, KP438 it cannot be read to its end.
    """
    try:
        if layout == "edge-list":
            return read_edge_list(path, delimiter)
        if layout == "node-link":
            return _node_link(read_json(path, "KP437"))
        with open_packed(path, "KP438") as file:
            return {"graphml": _graphml, "gexf": _gexf}[layout](file)
    except ET.ParseError as error:
        line, _ = error.position
        raise _malformed(f"{path}:{line}", error) from error
    # networkx raises what it comes upon: of a missing attribute, of a value of another type.
    except (
        nx.NetworkXException,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise _malformed(str(path), error) from error


def _malformed(where: str, error: Exception) -> KpError:
    what = f"no attribute or element {error}" if isinstance(error, KeyError) else str(error)
    return KpError("KP437", what, "correct the file, or set 'format' to what it is", where)


def _check_xml(file: IO[bytes]) -> None:
    """Refuse what networkx joins, makes up or leaves out without a word."""
    seen: set[tuple[str | None, ...]] = set()
    ends: list[tuple[str, str]] = []
    within = 0
    # expat limits what entities expand to, here as in networkx.
    for event, element in ET.iterparse(file, events=("start", "end")):  # noqa: S314
        tag = element.tag.rpartition("}")[2]
        if event == "end":
            within -= tag == "node"
            element.clear()
            continue
        if tag == "graph" and within:
            raise ValueError("a node holds a graph of its own, which is not read")
        within += tag == "node"
        own = element.get("id")
        if tag in ("node", "edge") and own is not None:
            # networkx numbers the edges of each pair of nodes anew.
            key = (tag, own, element.get("source"), element.get("target"))
            if key in seen:
                raise ValueError(f"the {tag} {own!r} comes twice")
            seen.add(key)
        if tag == "edge":
            for end in ("source", "target"):
                if element.get(end) is None:
                    raise ValueError(f"the edge {own or len(ends) // 2!r} has no {end}")
                ends.append((own or f"{len(ends) // 2}", element.get(end, "")))
    for edge, node in ends:
        if ("node", node, None, None) not in seen:
            raise ValueError(f"the edge {edge!r} names {node!r}, which is no node")
    file.seek(0)


def _graphml(file: IO[bytes]) -> Any:
    _check_xml(file)
    graphs = list(GraphMLReader(node_type=str, force_multigraph=True)(path=file))
    if len(graphs) != 1:
        raise ValueError(f"{len(graphs)} graphs in the file instead of one")
    return graphs[0]


def _gexf(file: IO[bytes]) -> Any:
    _check_xml(file)
    return nx.read_gexf(file, node_type=str)


def _node_link(data: Any) -> Any:
    if not isinstance(data, dict) or not isinstance(data.get("nodes"), list):
        raise ValueError("no JSON object with a list of 'nodes'")
    if "edges" in data and "links" in data:
        raise ValueError("both 'edges' and 'links'")
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
    keyed = Counter(
        (edge["source"], edge["target"], edge["key"])
        for edge in data[edges]
        if isinstance(edge.get("key"), str | int)
    )
    if keyed and (twice := keyed.most_common(1)[0])[1] > 1:
        raise ValueError(f"the edge {twice[0]!r} comes twice")
    # Parallel edges are edges of their own, whatever the file calls the graph.
    return nx.node_link_graph(data, multigraph=True, edges=edges)


def _field(record: Any, key: str, where: str) -> str | int | float:
    value = record.get(key) if isinstance(record, dict) else None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError(f"{where} has no text or number as {key!r}")
    return value
