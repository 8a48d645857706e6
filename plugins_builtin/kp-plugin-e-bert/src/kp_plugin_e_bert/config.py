"""Options of E-BERT."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig, InputFile, Layout


class EBertConfig(ComponentConfig):
    """Options of E-BERT."""

    layout: Layout = Field(
        "concat",
        description="'concat': entity slot, '/', mention; 'replace': the slot alone stands for the "
        "mention (both published); 'bracket': mention, '(', slot, ')'.",
    )
    method: Literal["least-squares", "procrustes"] = Field(
        "least-squares",
        description="'least-squares' is published; 'procrustes' keeps lengths and angles.",
    )
    words: InputFile | None = Field(
        None,
        description="Word vectors of the entity vectors' own space: a word and its numbers a line, "
        "with or without word2vec's first line of counts, packed or not. Null fits the map on the "
        "entities' names instead.",
    )
