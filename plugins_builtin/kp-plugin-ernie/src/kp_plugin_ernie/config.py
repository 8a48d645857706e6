"""Options of the fusion."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from kpframework.api import ComponentConfig, Misfit, StageConfig, outside_layers


class ErnieFusionConfig(ComponentConfig):
    """Options of ERNIE-style fusion."""

    layer: int = Field(
        -2, description="After which of the host's layers; negative counts from the end."
    )
    hidden: int | None = Field(
        None, ge=1, description="Width of the fusion; null is four times the host's, as published."
    )
    train: StageConfig = Field(description="Which objective trains the fusion, and how.")

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Return that the model has no such layer."""
        return outside_layers(model, "layer", self.layer)
