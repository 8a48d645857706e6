"""Options of map-tuning."""

from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, ComponentRef, Layout, Ref, StageConfig


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

    train: StageConfig = Field(description="Which objective trains the mapper, and how.")


class FineTuningConfig(_Slots):
    """Options of fine-tuning a host with a mapper at work."""

    train_mapper: bool = Field(
        False, description="Whether the mapper is trained with the host; the paper freezes it."
    )

    def untrained(self) -> str:
        """Return that the mapper is, unless it is trained with the host."""
        return "" if self.train_mapper else "the mapper is not trained: needs 'init'"
