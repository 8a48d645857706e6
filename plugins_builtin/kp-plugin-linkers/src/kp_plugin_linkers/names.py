"""What a name means: one entity out of those that have it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kp_plugin_linkers.context import ContextView
from kp_plugin_linkers.name_index import NameIndex

Choice = tuple[str, float]
"""Entity id and prior."""
_REMEMBERED = 1 << 16


@dataclass(frozen=True)
class Meaning:
    """The entities of a name, the preferred one first, and how likely each is by the name alone."""

    choices: tuple[Choice, ...]
    shares: tuple[float, ...] = (1.0,)


class Names:
    """Looks surfaces up; those met before are remembered.

    Args:
        index: the names.
        ambiguity: how a name of several entities is resolved; ``"context"`` prefers as ``"prior"``
            does where the context tells nothing.
    """

    def __init__(self, index: NameIndex, ambiguity: str) -> None:
        self.index = index
        self._ambiguity = ambiguity
        self._known: dict[str, Meaning | None] = {}

    def lookup(self, surface: str) -> Meaning | None:
        """Return what any surface means, None if nothing."""
        if surface not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            name = self.index.name(surface)
            self._known[surface] = None if name is None else self._meaning(name)
        return self._known[surface]

    def _meaning(self, name: int) -> Meaning | None:
        choices = self.index.candidates(name)
        if len(choices) == 1:
            return Meaning(tuple(choices))
        if self._ambiguity == "skip":
            return None
        if self._ambiguity != "first":
            choices.sort(key=lambda choice: (-choice[1], choice[0]))
        priors = np.array([max(prior, 0.0) for _, prior in choices])
        total = float(priors.sum())
        shares = priors / total if total > 0 else np.full(len(priors), 1 / len(priors))
        return Meaning(tuple(choices), tuple(shares.tolist()))


def by_context(meaning: Meaning, view: ContextView, start: int, end: int) -> tuple[Meaning, bool]:
    """Return the meaning with its entities in the order the context gives, and whether it told.

    An entity's weight is its share of the name's priors times ``exp(weight * similarity)``.
    """
    similar = view.similarities([entity for entity, _ in meaning.choices], start, end)
    if not similar.any():
        return meaning, False
    scores = np.array(meaning.shares) * np.exp(view.weight * similar)
    order = np.argsort(-scores, kind="stable").tolist()
    choices = tuple(meaning.choices[at] for at in order)
    return Meaning(choices, tuple(meaning.shares[at] for at in order)), True
