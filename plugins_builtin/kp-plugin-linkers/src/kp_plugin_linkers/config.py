"""Options of the linkers."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig, IdSpace, InputPath


class AnnotatedConfig(ComponentConfig):
    """Options of the linker that trusts the data's own ids."""

    id_space: IdSpace = None
    roles_only: bool = Field(
        False, description="Whether only the task's own spans, such as head and tail, are linked."
    )
    documents: tuple[InputPath, ...] = Field(
        (),
        description="Files of annotated documents, or folders of brat's: what another linker or an "
        "annotator found. A text that is one of theirs takes the mentions of all of them that have "
        "it; without any file the mentions are those that come with the data.",
    )
    prefix: str = Field(
        "",
        description="What ids of the data begin with and is taken off before they are looked up, "
        "such as 'mesh:'; ids without it stay as they are.",
    )
    several: Literal["first", "none"] = Field(
        "first",
        description="What a mention of several ids, such as D003110|D010051, links to: the first "
        "that the knowledge base knows, or nothing.",
    )


class GazetteerConfig(ComponentConfig):
    """Options of the gazetteer."""

    scope: Literal["anywhere", "spans", "spans+anywhere"] = Field(
        default="anywhere",
        description="'spans': a span of the data is looked up as a whole; 'anywhere': names are "
        "found in the text, and one that covers a span of the task takes its role; "
        "'spans+anywhere': both, a span looked up as a whole comes first.",
    )
    casing: Literal["ignore", "keep", "smart"] = Field(
        default="smart",
        description="'smart' ignores case except for names of at most 6 characters without a "
        "lower-case letter, such as AIDS, which must stand as they are.",
    )
    min_length: int = Field(
        default=3, ge=1, description="Fewest characters of a name that is found in running text."
    )
    min_letters: int = Field(
        default=1, ge=0, description="Fewest letters of a name that is found in running text."
    )
    ambiguity: Literal["prior", "context", "skip", "first"] = Field(
        default="prior",
        description="Which entity a name of several means: the one with the highest prior (of "
        "equals the smallest id), the one the words around tell in favour of, none, or the first "
        "in the knowledge base's order.",
    )
    context_words: int = Field(
        default=50, ge=1, description="Words on each side of a mention that 'context' looks at."
    )
    context_weight: float = Field(
        default=10.0,
        ge=0,
        description="How much 'context' counts: an entity's share of the priors is multiplied by "
        "e to the power of this times the similarity (0 to 1) of the words around the mention and "
        "the entity's names, description and neighbours.",
    )
    inflection: Literal["none", "english"] = Field(
        default="none",
        description="'english': a span that is no name is also tried without -s, -es, -ies, -ed "
        "or -ing on its last word. Crude: nothing checks that the result is the same word.",
    )
