"""Options of the models: what they share, then what each adds."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig


class TrainingConfig(ComponentConfig):
    """Stochastic training on sampled negatives, by Adam."""

    epochs: int = Field(50, ge=1, description="Passes over the triples.")
    batch_size: int = Field(2048, ge=1, description="Triples a step.")
    lr: float = Field(0.01, gt=0, description="Learning rate of Adam; falls linearly to a tenth.")
    negatives: int = Field(4, ge=1, description="Corrupted triples for each triple.")
    inverse: bool = Field(
        False,
        description="Whether an inverse of each relation is trained too; doubles the triples.",
    )
    evaluate: float = Field(
        0.02,
        ge=0,
        le=0.5,
        description="Share of the triples held out, never trained on, for the link-prediction "
        "score; 0 measures none.",
    )
    evaluate_at_most: int = Field(
        200, ge=1, description="Most triples held out: each is ranked against every entity."
    )


class TransEConfig(TrainingConfig):
    """Options of TransE."""

    dim: int = Field(128, ge=1, description="Width of an entity vector.")
    margin: float = Field(1.0, gt=0, description="Distance at which a triple is neither.")
    norm: Literal[1, 2] = Field(2, description="Distance: 1 is L1, 2 is Euclidean.")
    loss: Literal["self-adversarial", "margin-ranking"] = Field(
        "self-adversarial",
        description="Whether hard negatives weigh more (Sun et al., 2019), or each negative is "
        "pushed a margin away from its triple, as published.",
    )
    unit_length: bool = Field(
        False,
        description="Whether entity vectors are kept at length 1, as published. On hierarchies a "
        "free length tells far more of where an entity stands.",
    )


class RotatEConfig(TrainingConfig):
    """Options of RotatE."""

    dim: int = Field(
        128,
        ge=2,
        multiple_of=2,
        description="Width of an entity vector: real parts, then imaginary parts.",
    )
    margin: float = Field(1.0, gt=0, description="Distance at which a triple is neither.")


class DistMultConfig(TrainingConfig):
    """Options of DistMult."""

    dim: int = Field(128, ge=1, description="Width of an entity vector.")


class ComplExConfig(TrainingConfig):
    """Options of ComplEx."""

    dim: int = Field(
        128,
        ge=2,
        multiple_of=2,
        description="Width of an entity vector: real parts, then imaginary parts.",
    )
