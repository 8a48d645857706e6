"""How IRIs and blank nodes are written as ids."""

import re
from collections.abc import Mapping
from typing import Any

import pyoxigraph as ox

from kp_plugin_rdf.config import PREFIXES

_OBO = re.compile(r"http://purl\.obolibrary\.org/obo/([A-Za-z][A-Za-z0-9]*)_([A-Za-z0-9]+)")


class Shortener:
    """Writes an IRI with the prefix of the longest namespace it begins with.

    Args:
        prefixes: prefix to namespace, beside the usual ones.
        obo_ids: whether IRIs of OBO terms become their ids.
    """

    def __init__(self, prefixes: Mapping[str, str], obo_ids: bool) -> None:
        known = {**PREFIXES, **prefixes}
        self._spaces = {space: prefix for prefix, space in known.items()}
        self._lengths = sorted({len(space) for space in self._spaces}, reverse=True)
        self._obo_ids = obo_ids

    def __call__(self, iri: str) -> str:
        """Return the short form, or the IRI where no namespace fits."""
        for length in self._lengths:
            prefix = self._spaces.get(iri[:length])
            if prefix is not None and len(iri) > length:
                return f"{prefix}:{iri[length:]}" if prefix else iri[length:]
        if self._obo_ids and (found := _OBO.fullmatch(iri)):
            return f"{found[1]}:{found[2]}"
        return iri


class Ids:
    """Ids of the nodes of a file. Only blank nodes are held in memory."""

    def __init__(self, shorten: Shortener) -> None:
        self._shorten = shorten
        self._blank: dict[str, str] = {}
        self._count = 0

    def next_file(self) -> None:
        """Forget the blank nodes, whose names are a file's own."""
        self._blank.clear()

    def of(self, node: Any) -> str:
        """Return the id of an IRI or blank node."""
        if isinstance(node, ox.NamedNode):
            return self._shorten(node.value)
        # The parser's own names of nameless nodes differ from one reading to the next.
        if node.value not in self._blank:
            self._blank[node.value] = f"_:b{self._count}"
            self._count += 1
        return self._blank[node.value]
