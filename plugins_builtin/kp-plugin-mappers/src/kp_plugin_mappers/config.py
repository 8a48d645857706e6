"""Options of the mappers."""

from pydantic import Field

from kpframework.api import ComponentConfig


class LinearConfig(ComponentConfig):
    """The affine map has no options."""


class MLPConfig(ComponentConfig):
    """Options of the two-layer map."""

    hidden: int = Field(512, ge=1, description="Width between the two affine maps.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout between the two affine maps.")
