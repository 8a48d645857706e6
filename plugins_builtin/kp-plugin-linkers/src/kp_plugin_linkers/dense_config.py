"""Options of the linker that reads the context."""

from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, ComponentRef, Ref


class DenseConfig(ComponentConfig):
    """Options of the linker that chooses among candidates by their likeness to the context."""

    encoder: Annotated[ComponentRef, Ref("backbone")] = Field(
        description="The model that reads contexts and entities, such as the run's own backbone."
    )
    candidates: Annotated[ComponentRef, Ref("linker")] = Field(
        ComponentRef(type="gazetteer"),
        description="The linker that finds the mentions and what they may mean. Entities that "
        "share the mention's name are candidates beside its own.",
    )
    max_candidates: int = Field(
        16, ge=1, description="Candidates of a mention that are compared: the likeliest by prior."
    )
    window: int = Field(
        128, ge=0, description="Characters on each side of a mention that are its context."
    )
    pooling: Literal["window", "mention"] = Field(
        "window",
        description="Whether a context is the mean over all its tokens, or over the mention's, "
        "which have read the others.",
    )
    prior_weight: float = Field(
        1.0,
        ge=0,
        description="What an entity's share of the priors of all candidates counts beside the "
        "cosine of context and entity; 0 leaves the choice to the context.",
    )
    threshold: float | None = Field(
        None,
        ge=-1,
        le=1,
        description="Least cosine of context and entity; a mention whose best candidate is below "
        "is left out. Null keeps all, and reads contexts only where there is a choice.",
    )
    cache: bool = Field(
        True,
        description="Whether the vectors of all entities are computed once and kept, two bytes a "
        "number; else those of entities that are met, anew in every process.",
    )
    max_tokens: int = Field(
        64, ge=8, description="Tokens of a context or an entity's text that are read."
    )
    batch_size: int = Field(64, ge=1, description="Texts encoded at a time.")
