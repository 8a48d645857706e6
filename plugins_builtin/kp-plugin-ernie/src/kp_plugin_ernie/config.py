"""Options of the fusion inside a frozen host, and of ERNIE."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from kpframework.api import (
    ComponentConfig,
    GeneralStage,
    Misfit,
    SectionId,
    TaskStage,
    TrainConfig,
    gated_feed_forward,
    outside_layers,
)


class FusionGeneralStage(GeneralStage):
    """Mention-masked language modelling and the denoising entity auto-encoder."""

    dea: float = Field(
        1.0,
        ge=0,
        description="Weight of the denoising entity auto-encoder's loss beside the mention-masked "
        "language model's; 0 leaves it out.",
    )


class ErnieFusionConfig(ComponentConfig):
    """Options of ERNIE-style fusion."""

    layer: int = Field(
        -2, description="After which of the host's layers; negative counts from the end."
    )
    hidden: int | None = Field(
        None, ge=1, description="Width of the fusion; null is four times the host's, as published."
    )
    train: Annotated[FusionGeneralStage | TaskStage, Field(discriminator="stage")] = Field(
        description="Which objective trains the fusion, and how."
    )

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Return whether the layer is none of the model's."""
        return outside_layers(model, "layer", self.layer)


class ErniePretraining(TrainConfig):
    """Masked language modelling and the denoising entity auto-encoder; everything is trained."""

    corpus: Annotated[str, SectionId("corpora")] = Field(
        description="Id of one of the spec's corpora, in which mentions are linked."
    )
    mlm: bool = Field(
        True,
        description="Whether tokens are masked and named as well. The head is the backbone's own; "
        "for one without, a head is fitted first, and the record says so.",
    )
    epochs: int = Field(1, ge=1, description="Passes over the corpus.")
    batch_size: int = Field(32, ge=1, description="Passages a step.")
    lr: float = Field(5e-5, gt=0, description="Peak learning rate of AdamW.")
    weight_decay: float = Field(0.01, ge=0, description="AdamW's decoupled weight decay.")
    max_length: int = Field(256, ge=8, description="Longer passages are left out, in tokens.")
    select: Literal["last"] = Field("last", description="Pre-training has no dev set.")


class ErnieConfig(ComponentConfig):
    """Options of ERNIE."""

    first: int | None = Field(
        None,
        ge=0,
        description="First of the host's layers that fuses, counted from 0; all above it do too. "
        "Null is as published: 5 of 12, so that seven layers fuse.",
    )
    heads: int = Field(
        4, ge=1, description="Heads of the entities' self-attention; divides their width."
    )
    pretrain: ErniePretraining = Field(
        description="Pre-training of host and fusion, before the host's adaptation on the task."
    )

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Yield that feed-forward blocks are gated, or that the first layer is none."""
        if gated_feed_forward(model):
            message = f"the feed-forward blocks of a {model.get('model_type')!r} model are gated"
            yield "type", message, "use 'ernie-fusion', or a model with plain feed-forward blocks"
        elif self.first is not None:
            yield from outside_layers(model, "first", self.first)
