"""Options of map-tuning."""

from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, ComponentRef, Layout, Ref, SectionId, TrainConfig


class _Stage(TrainConfig):
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout inside the frozen host while the mapper trains; null is none. The "
        "paper uses 0.15 to 0.45 where the mapper goes into another host (section 3.2).",
    )


class GeneralStage(_Stage):
    """General map-tuning: mention-masked language modelling on running text."""

    stage: Literal["general"] = Field(description="Mention-masked LM with the backbone frozen.")
    corpus: Annotated[str, SectionId("corpora")] = Field(
        description="Id of one of the spec's corpora."
    )
    batch_size: int = Field(64, ge=1, description="Masked items a step.")
    max_length: int = Field(64, ge=8, description="Longer masked items are left out.")
    select: Literal["last"] = Field("last", description="General map-tuning has no dev set.")


class TaskStage(_Stage):
    """Task-specific map-tuning: the task's loss with the host frozen."""

    stage: Literal["task"] = Field(description="The task's loss with the host frozen.")


class _Slots(ComponentConfig):
    mapper: Annotated[ComponentRef, Ref("mapper")] = Field(
        ComponentRef(type="linear"), description="The mapping network; the paper's is linear."
    )
    layout: Layout = Field(
        "concat",
        description="'concat': entity slot, '/', mention (the paper's); 'replace': the slot alone "
        "stands for the mention; 'bracket': mention, '(', slot, ')'.",
    )
    scale: Literal["unit", "host", "none"] = Field(
        "unit",
        description="'unit': entity vectors come in with unit variance; 'host': besides, mapped "
        "vectors are multiplied by the scale of the host's word embeddings; 'none': both as they "
        "are (the paper's).",
    )


class MapTuningConfig(_Slots):
    """Options of map-tuning."""

    train: Annotated[GeneralStage | TaskStage, Field(discriminator="stage")] = Field(
        description="Which objective trains the mapper, and how."
    )


class FineTuningConfig(_Slots):
    """Options of fine-tuning a host with a mapper at work."""

    train_mapper: bool = Field(
        False, description="Whether the mapper is trained with the host; the paper freezes it."
    )
