"""Options of the crosswalk."""

from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, ComponentRef, InputFile, Ref


class CrosswalkConfig(ComponentConfig):
    """Which knowledge base, and which mappings of ids count."""

    kb: Annotated[ComponentRef, Ref("kb")] = Field(
        description="The knowledge base whose entities get further ids."
    )
    mappings: list[InputFile] = Field(
        min_length=1,
        description="SSSOM files, tab-separated, packed or not (.gz, .bz2, .xz, .zst, .lz4).",
    )
    kb_side: Literal["subject", "object"] = Field(
        "subject",
        description="On which side of a mapping the ids of the knowledge base stand, its own or "
        "its cross-references; the other side's become further cross-references.",
    )
    predicates: list[str] = Field(
        ["skos:exactMatch"], min_length=1, description="Predicates of the mappings that count."
    )
    several: Literal["skip", "keep"] = Field(
        "skip",
        description="Whether an id that leads to several entities gives none of them, or each; "
        "looked up, it is then the first of them by id.",
    )
    prefixes: dict[str, str] = Field(
        {},
        description="How prefixes of both sides are written here: {'mesh': 'MESH'}; an empty text "
        "takes the prefix away.",
    )
    on_bad_line: Literal["error", "skip"] = Field(
        "error", description="Whether a malformed line ends the run, or is left out and counted."
    )
