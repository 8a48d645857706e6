"""Objectives of an injector's own on a linked corpus: what happens to a batch, what is seen of it.

``session.corpus_objective(config, loss)`` runs the host over the linked passages, with the
injector's edits and callbacks, and hands each batch to ``loss``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from typing import Literal as OneOf

from kpframework.api.text import Mention

if TYPE_CHECKING:
    import torch

    from kpframework.api.injector import Entities

Masking = OneOf["none", "mentions", "tokens"]
"""What of a passage is hidden from the host. ``none``; ``mentions``: as for the mention-masked
language model, one item for each subset of a passage's mentions; ``tokens``: anew in each epoch
15 % of the tokens, of which 80 % become the mask token, 10 % another token, and 10 % stay (Devlin
et al., NAACL 2019, section 3.1)."""


@dataclass(frozen=True)
class Corruption:
    """How marks are falsified before the host sees a batch, drawn from the row's seed and step.

    Raises:
        ValueError: the shares are no shares.
    """

    replace: float = 0.0
    """Share of the positions that take another entity of the batch."""
    drop: float = 0.0
    """Share of the positions that take no entity."""

    def __post_init__(self) -> None:
        if min(self.replace, self.drop) < 0 or self.replace + self.drop > 1:
            raise ValueError(f"shares of positions: {self.replace} and {self.drop}")


@dataclass(frozen=True)
class CorpusBatch:
    """One batch of a linked corpus after the host has read it."""

    hidden: torch.Tensor
    """Shape (passages, tokens, width): what the host's head gets."""
    given: Entities
    """The entities the host was given, falsified where that was asked for; `Entities.memo` holds
    what the callbacks kept."""
    entities: Entities
    """The entities that really stand there."""
    ids: Sequence[str]
    """The id of the entity at each position of `entities`."""
    language_model: torch.Tensor | None
    """Mean cross-entropy over the hidden tokens; None where nothing is hidden."""


CorpusLoss = Callable[[CorpusBatch], "torch.Tensor"]
"""Returns the mean loss of a batch."""
Keep = Callable[[Sequence[Mention]], bool]
"""Says by its usable mentions whether a passage is read."""
