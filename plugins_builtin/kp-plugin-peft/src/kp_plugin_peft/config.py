"""Options of the adaptations."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from pydantic import Field

from kp_plugin_peft.architectures import has_biases, no_bias, unknown
from kpframework.api import Misfit, TrainConfig

Role = Literal["query", "key", "value", "output", "ffn-up", "ffn-down"]


class LoRAConfig(TrainConfig):
    """Options of LoRA."""

    lr: float = Field(8e-4, gt=0, description="Peak learning rate of AdamW.")
    rank: int = Field(16, ge=1, description="Rank of an update.")
    alpha: float = Field(
        16.0,
        gt=0,
        description="An update is scaled by alpha / rank, with the defaults by 1; Zhang et al. "
        "have alpha 1, so 1 / rank.",
    )
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout before an update.")
    targets: list[Role] = Field(
        ["query", "key", "ffn-up"], min_length=1, description="Which linear maps of a layer."
    )
    target_modules: list[str] | None = Field(
        None, min_length=1, description="Names of modules in the place of 'targets'."
    )

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Return that a kind of model is not known, unless modules are named."""
        return () if self.target_modules else _unknown(model, "give 'target_modules'")


class AdapterConfig(TrainConfig):
    """Options of bottleneck adapters."""

    lr: float = Field(5e-4, gt=0, description="Peak learning rate of AdamW.")
    bottleneck: int = Field(32, ge=1, description="Width of a bottleneck.")

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Return that a kind of model is not known."""
        return _unknown(model, "use 'lora' or 'full'")


class BitFitConfig(TrainConfig):
    """Options of BitFit: those of the training loop."""

    lr: float = Field(8e-4, gt=0, description="Peak learning rate of AdamW.")

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Return that a model has no bias to train."""
        if not has_biases(model):
            yield "type", *no_bias(model.get("model_type"))


def _unknown(model: Mapping[str, Any], option: str) -> Iterator[Misfit]:
    kind = str(model.get("model_type"))
    if problem := unknown(kind, option):
        yield "type", *problem
