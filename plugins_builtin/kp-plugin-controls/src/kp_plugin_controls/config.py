"""Options of the control rows."""

from pydantic import Field

from kpframework.api import ComponentConfig, TrainConfig


class NoInjectionConfig(ComponentConfig):
    """The bare host has no options."""


class ProbeConfig(ComponentConfig):
    """Options of the probe."""

    train: TrainConfig = Field(
        TrainConfig(epochs=20, lr=1e-2), description="How the affine map is trained."
    )
