"""Options of K-Adapter."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kpframework.api import (
    ComponentConfig,
    GeneralStage,
    Misfit,
    SectionId,
    StageConfig,
    TrainConfig,
    layer_count,
)


class FactualStage(TrainConfig):
    """Relation classification on a linked corpus, the host frozen."""

    corpus: Annotated[str, SectionId("corpora")] = Field(
        description="Id of one of the spec's corpora; passages with two linked mentions that a "
        "relation of the knowledge base joins are read."
    )
    epochs: int = Field(5, ge=1, description="Passes over the passages.")
    batch_size: int = Field(64, ge=1, description="Passages a step.")
    lr: float = Field(5e-5, gt=0, description="Peak learning rate of AdamW.")
    max_length: int = Field(64, ge=8, description="Longer passages are left out, in tokens.")
    select: Literal["last"] = Field("last", description="The factual stage has no dev set.")


class AdapterConfig(ComponentConfig):
    """Shape of the adapter."""

    states: Annotated[list[int], Field(min_length=1)] | None = Field(
        None,
        description="Which hidden states feed an adapter layer, numbered as transformers' "
        "hidden_states are: 0 is what the first layer gets. Null is 0, the middle and the last; "
        "the published ones are [0, 11, 22] of 24.",
    )
    width: int = Field(768, ge=1, description="Width inside an adapter layer.")
    heads: int = Field(12, ge=1, description="Attention heads; divides the width.")
    hidden: int = Field(3072, ge=1, description="Width of the feed-forward blocks.")
    depth: int = Field(2, ge=1, description="Transformer layers inside an adapter layer.")

    @model_validator(mode="after")
    def _whole_heads(self) -> "AdapterConfig":
        if self.width % self.heads:
            raise ValueError(f"'heads' ({self.heads}) does not divide 'width' ({self.width})")
        if self.states is not None and sorted(set(self.states)) != self.states:
            raise ValueError("'states' has to rise, each number once")
        if self.states is not None and self.states[0] < 0:
            raise ValueError("'states' counts from 0")
        return self

    def misfits(self, model: Mapping[str, Any]) -> Iterable[Misfit]:
        """Yield the hidden states that the model does not have."""
        count = layer_count(model)
        for i, state in enumerate(self.states or ()):
            if count is not None and state > count:
                message = f"hidden state {state} of a model with {count} layers"
                yield f"states.{i}", message, f"give a number from 0 to {count}"


class KAdapterConfig(AdapterConfig):
    """Options of the plug-and-play form."""

    factual: FactualStage | None = Field(
        None,
        description="How the adapter is trained; null where it comes from another row by 'init'.",
    )
    train: StageConfig = Field(description="Which objective trains the gate afterwards, and how.")
    tune_adapter: bool = Field(
        False, description="Whether the adapter is trained together with the gate."
    )

    @model_validator(mode="after")
    def _one_corpus(self) -> "KAdapterConfig":
        general = self.train if isinstance(self.train, GeneralStage) else None
        if general and self.factual and general.corpus != self.factual.corpus:
            raise ValueError("'factual' and 'train' have to read the same corpus")
        return self

    def untrained(self) -> str:
        """Return that the adapter is, where neither facts nor the gate's stage train it."""
        trained = self.factual is not None or self.tune_adapter
        return "" if trained else "the adapter is not trained: needs 'factual' or 'init'"


class KAdapterFinetunedConfig(AdapterConfig):
    """Options of the form that trains its host."""

    factual: FactualStage = Field(description="How the adapter is trained, the host frozen.")
    fusion: Literal["concat", "add"] = Field(
        "concat",
        description="What the head gets: 'concat' a linear map of the host's last state and the "
        "adapter's side by side, 'add' their sum.",
    )
