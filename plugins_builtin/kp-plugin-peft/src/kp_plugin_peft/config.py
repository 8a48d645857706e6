"""Options of the adaptations."""

from typing import Literal

from pydantic import Field

from kpframework.api import TrainConfig

Role = Literal["query", "key", "value", "output", "ffn-up", "ffn-down"]


class LoRAConfig(TrainConfig):
    """Options of LoRA."""

    lr: float = Field(8e-4, gt=0, description="Peak learning rate of AdamW.")
    rank: int = Field(16, ge=1, description="Rank of an update.")
    alpha: float = Field(
        16.0, gt=0, description="An update is scaled by alpha / rank; Zhang et al. have 1."
    )
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before an update.")
    targets: list[Role] = Field(
        ["query", "key", "ffn-up"], min_length=1, description="Which linear maps of a layer."
    )
    target_modules: list[str] | None = Field(
        None, min_length=1, description="Names of modules in the place of 'targets'."
    )


class AdapterConfig(TrainConfig):
    """Options of bottleneck adapters."""

    lr: float = Field(5e-4, gt=0, description="Peak learning rate of AdamW.")
    bottleneck: int = Field(32, ge=1, description="Width of a bottleneck.")


class BitFitConfig(TrainConfig):
    """Options of BitFit: those of the training loop."""

    lr: float = Field(8e-4, gt=0, description="Peak learning rate of AdamW.")
