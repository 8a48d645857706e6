"""Mappers: from the space of the entity vectors to the host's."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from kpframework.api.context import Context

if TYPE_CHECKING:
    import torch


class Mapper(ABC):
    """Builds a mapping network. An injector trains it; its tensors are saved in the artifact."""

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @abstractmethod
    def build(self, source_dim: int, target_dim: int) -> torch.nn.Module:
        """Return a module that maps (n, source_dim) to (n, target_dim).

        Called under a seeded torch generator, so default initialisation is reproducible.
        """
