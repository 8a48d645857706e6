"""Adaptations: how a pre-trained model becomes a downstream host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kpframework.api.config import TrainConfig
from kpframework.api.context import Context

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Adaptation(ABC):
    """Chooses what of a model is trained on a task, and how the result is stored.

    The training itself is the framework's. Afterwards the host is frozen for every injection row.
    """

    def __init__(self, config: Any, context: Context) -> None:
        self.config = config
        self.context = context

    @property
    def train(self) -> TrainConfig:
        """Options of the training loop: the config, which is a `TrainConfig` as a rule."""
        config: TrainConfig = self.config
        return config

    @abstractmethod
    def prepare(self, model: PreTrainedModel, new: Collection[str] = ()) -> Any:
        """Return the model to train: some parameters require a gradient, or modules were added.

        Args:
            model: the backbone with the task's head.
            new: names of parameters that the backbone's folder did not have, such as a new head's.
                They were drawn at random, so they have to be trained, and stored by `save`.
        """

    def save(self, model: Any, folder: Path) -> None:
        """Write the adapted model in its own usual format."""
        model.save_pretrained(folder)

    def load(self, folder: Path, load_model: Callable[[Path | None], PreTrainedModel]) -> Any:
        """Return the adapted model.

        Args:
            folder: what `save` wrote.
            load_model: loads a whole model with the task's head from a folder, or, given None, the
                backbone that an adapter was made for.
        """
        return load_model(folder)
