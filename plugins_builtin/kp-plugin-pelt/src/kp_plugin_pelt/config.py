"""Options of PELT."""

from typing import Annotated

from pydantic import Field

from kpframework.api import ComponentConfig, Layout, SectionId


class PeltConfig(ComponentConfig):
    """Options of PELT."""

    corpus: Annotated[str, SectionId("corpora")] = Field(
        description="Id of one of the spec's corpora, in which mentions are linked."
    )
    mentions: int = Field(256, ge=1, description="Most mentions of an entity that are read.")
    max_length: int = Field(64, ge=8, description="Longest passage read, in tokens.")
    length: float | None = Field(
        None,
        gt=0,
        description="Euclidean length of an entity vector; the paper's is 7 for RoBERTa, null is "
        "the mean length of the host's word embeddings.",
    )
    layout: Layout = Field(
        "bracket",
        description="'bracket': mention, '(', slot, ')' (published); 'concat': slot, '/', mention; "
        "'replace': the slot alone stands for the mention.",
    )
