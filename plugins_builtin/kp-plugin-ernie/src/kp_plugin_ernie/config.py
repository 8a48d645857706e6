"""Options of the fusion."""

from pydantic import Field

from kpframework.api import ComponentConfig, StageConfig


class ErnieFusionConfig(ComponentConfig):
    """Options of ERNIE-style fusion."""

    layer: int = Field(
        -2, description="After which of the host's layers; negative counts from the end."
    )
    hidden: int | None = Field(
        None, ge=1, description="Width of the fusion; null is four times the host's, as published."
    )
    train: StageConfig = Field(description="Which objective trains the fusion, and how.")
