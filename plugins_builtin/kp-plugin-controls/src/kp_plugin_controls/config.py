"""Options of the control rows."""

from pydantic import Field

from kpframework.api import ComponentConfig, TrainConfig


class NoInjectionConfig(ComponentConfig):
    """The bare host has no options."""


class ProbeTrainConfig(TrainConfig):
    """How the affine map is trained: longer and faster than a network."""

    epochs: int = Field(20, ge=1, description="Passes over the training data.")
    lr: float = Field(1e-2, gt=0, description="Peak learning rate of AdamW.")


class ProbeConfig(ComponentConfig):
    """Options of the probe."""

    train: ProbeTrainConfig = Field(
        ProbeTrainConfig(), description="How the affine map is trained."
    )
