"""Entity embeddings: one vector an entity."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kpframework.api.context import Context

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from kpframework.api.kb import KnowledgeBase


@dataclass(frozen=True)
class EmbeddingTable:
    """What an embeddings component returns.

    Raises:
        ValueError: as many rows as ids are required, ids must be unique.
    """

    ids: Sequence[str]
    """Entity ids, one a row."""
    vectors: npt.NDArray[np.floating[Any]]
    """Shape (entities, dim); may be memory-mapped."""
    metrics: Mapping[str, float] = field(default_factory=dict)
    """Quality for the record, such as ``{"mrr": 0.31, "hits@10": 0.5}`` of link prediction."""

    def __post_init__(self) -> None:
        if len(self.ids) != len(self.vectors):
            raise ValueError(f"{len(self.ids)} ids but {len(self.vectors)} vectors")
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("entity ids are not unique")


class Embeddings(ABC):
    """Trains or reads entity embeddings.

    Leakage control drops triples before they are computed. A component whose vectors are not
    computed from the triples declares ``capabilities={"reads_triples": False}``, and a spec that
    would claim such control for them is refused.
    """

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def compute(self, kb: KnowledgeBase) -> EmbeddingTable:
        """Return a vector for each entity that has one, the same for the same context's seed."""
