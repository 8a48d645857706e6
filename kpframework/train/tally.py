"""What became of the passages or examples that a training was given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kpframework.errors import KpError


@dataclass(frozen=True)
class Tally:
    """Counts of one training's data: every passage or example read is in one of them."""

    of: Literal["passages", "examples"]
    read: int
    """Passages of the linked corpus, or training examples."""
    without_entity: int
    """Those that hold no mention the method can use: not linked, without a vector, or cut off."""
    passed_over: int
    """Passages that the objective did not choose."""
    items: int
    """Items made of the others; a passage is one, or one for each of its mask variants."""
    too_long: int
    """Items left out whole, because they do not fit into ``max_length``."""

    @property
    def kept(self) -> int:
        """Items that were trained on."""
        return self.items - self.too_long


def nothing_left(tally: Tally, max_length: int) -> KpError:
    """Return the error of a corpus of which no item is left to train on: KP741."""
    if tally.too_long:
        return KpError(
            "KP741",
            f"none of the {tally.items} items made of the corpus fits into "
            f"max_length={max_length}; {tally.without_entity} of its {tally.read} passages hold "
            "no linked mention that can be used",
            "raise the training's max_length, or give the corpus as shorter passages",
        )
    chosen = f", and {tally.passed_over} were not chosen" if tally.passed_over else ""
    return KpError(
        "KP741",
        f"{tally.without_entity} of the corpus's {tally.read} passages hold no linked mention "
        f"with a vector{chosen}: none is left to train on",
        "look at the linker, the corpus and the coverage of the knowledge base",
    )
