"""Full fine-tuning."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from kpframework.api import Adaptation

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class FullFineTuning(Adaptation):
    """Trains every parameter, input embeddings and head included, with the model's own dropout."""

    def prepare(self, model: PreTrainedModel, new: Collection[str] = ()) -> Any:
        """Return the model with a gradient for every parameter."""
        model.requires_grad_(True)
        return model
