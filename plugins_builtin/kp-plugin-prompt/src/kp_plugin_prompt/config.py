"""Options of the prompt."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kpframework.api import ComponentConfig


def _template(text: str) -> str:
    if "{tail}" not in text:
        raise ValueError("a template holds '{tail}', and '{head}' where the head is to be named")
    return text


class PromptConfig(ComponentConfig):
    """Options of the prompt."""

    position: Literal["before", "after", "mention"] = Field(
        "before",
        description="Before the text, after it, or in brackets after the mention.",
    )
    max_tokens: int = Field(64, ge=1, description="Most tokens of knowledge a mention.")
    max_triples: int = Field(4, ge=0, description="Most triples a mention; 0 shows none.")
    description: bool = Field(True, description="Whether the description comes first.")
    sentences: int = Field(1, ge=1, description="How many sentences of the description.")
    rank: Literal["overlap", "rare", "frequent"] = Field(
        "overlap",
        description="Which triples come first: those whose words stand in the text, or those of "
        "rare or of frequent relations.",
    )
    inverse: bool = Field(
        False, description="Whether triples that end in the entity are shown as well."
    )
    templates: dict[str, Annotated[str, AfterValidator(_template)]] = Field(
        {},
        description="For a relation how its triples read, such as '{tail} is a part of {head}'.",
    )
