"""Building the index of names: a trie of them, and arrays of what each means."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from marisa_trie import Trie

from kp_plugin_linkers.characters import fold, plain

ACRONYM = 6
"""Longest name, in characters, that 'smart' casing takes for an acronym."""
_SHORT = np.iinfo(np.uint16).max

Casing = Literal["ignore", "keep", "smart"]
Ints = npt.NDArray[np.int64]
Stream = Iterable[tuple[str, str, float]]
"""(name, entity id, prior), as `KnowledgeBase.names` yields them."""


def write_index(names: Callable[[], Stream], casing: Casing, folder: Path) -> None:
    """Write what `kp_plugin_linkers.name_index.NameIndex` maps.

    In memory are the names as bytes, the ids of entities, and 16 bytes a name.

    Args:
        names: returns the names; called twice, gives the same ones.
        casing: whether case counts: never, always, or for short names without a lower-case letter.
        folder: where the files go; exists.
    """
    acronyms: set[str] = set()
    entities: list[str] = []

    def seen() -> Iterator[str]:
        for form, acronym, entity, _ in _rows(names(), casing):
            if acronym:
                acronyms.add(acronym)
            if not entities or entities[-1] != entity:
                entities.append(entity)
            yield form

    forms = Trie(seen())
    tries = {"forms": forms, "acronyms": Trie(sorted(acronyms)), "entities": Trie(entities)}
    for key, trie in tries.items():
        trie.save(str(folder / f"{key}.marisa"))
    arrays = _lengths(forms) | _meanings(_rows(names(), casing), **tries)
    for key, column in arrays.items():
        np.save(folder / f"{key}.npy", column, allow_pickle=False)


def storable(text: str) -> str:
    """Return a text as the trie can hold it, as long: its keys end at a NUL."""
    return plain(text).replace("\0", "\1")


def _rows(names: Stream, casing: Casing) -> Iterator[tuple[str, str, str, float]]:
    """Yield (form, the acronym it is or "", entity, prior) of each name that is not blank."""
    normal = plain if casing == "keep" else fold
    for raw, entity, prior in names:
        if name := storable(raw.strip()):
            exact = casing == "smart" and len(name) <= ACRONYM and name.isupper()
            yield normal(name), name if exact else "", entity, prior


def _lengths(forms: Trie) -> dict[str, npt.NDArray[np.uint16]]:
    """Return how many characters and how many letters each form has."""
    found = np.zeros((2, len(forms)), dtype=np.uint16)
    for form, number in forms.iteritems():
        found[:, number] = min(len(form), _SHORT), min(sum(map(str.isalpha, form)), _SHORT)
    return {"length": found[0], "letters": found[1]}


def _meanings(
    rows: Iterator[tuple[str, str, str, float]], forms: Trie, acronyms: Trie, entities: Trie
) -> dict[str, npt.NDArray[np.generic]]:
    """Return the candidates of each name: of the forms as such, then of the acronyms.

    An entity is one candidate of a name, where it was met first and with its highest prior.
    """
    name, entity, prior = array("i"), array("i"), array("d")
    form_of = np.zeros(len(acronyms), dtype=np.int32)
    for form, acronym, owner, likely in rows:
        number = forms[form]
        if acronym:
            form_of[acronyms[acronym]] = number
            number = len(forms) + acronyms[acronym]
        name.append(number)
        entity.append(entities[owner])
        prior.append(likely)
    names, owners = np.frombuffer(name, np.int32), np.frombuffer(entity, np.int32)
    order = np.lexsort((owners, names))
    first = np.ones(len(order), dtype=bool)
    first[1:] = (np.diff(names[order]) != 0) | (np.diff(owners[order]) != 0)
    at = np.flatnonzero(first)
    highest = np.maximum.reduceat(np.frombuffer(prior)[order], at) if len(at) else np.empty(0)
    kept = order[at]
    place = np.lexsort((kept, names[kept]))
    kept = kept[place]
    return {
        "start": np.searchsorted(names[kept], np.arange(len(forms) + len(acronyms) + 1)),
        "entity": owners[kept],
        "prior": highest[place],
        "form_of": form_of,
    }
