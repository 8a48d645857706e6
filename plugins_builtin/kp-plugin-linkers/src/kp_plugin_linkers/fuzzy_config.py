"""Options of the fuzzy linker."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig


class FuzzyConfig(ComponentConfig):
    """Options of the linker by likeness of spelling."""

    scope: Literal["anywhere", "spans", "spans+anywhere"] = Field(
        "anywhere",
        description="'spans': a span of the data is looked up as a whole; 'anywhere': every "
        "sequence of words of the text is; 'spans+anywhere': both, a span comes first.",
    )
    threshold: float = Field(
        0.8,
        gt=0.2,
        le=1,
        description="Least likeness of a name: the cosine of both trigram vectors, 1 for a name as "
        "it stands, case aside. Lower ones find more and take longer.",
    )
    max_words: int = Field(
        5, ge=1, le=12, description="Most words of a sequence that is looked up in running text."
    )
    min_length: int = Field(
        4, ge=1, description="Fewest characters of a sequence that is looked up in running text."
    )
