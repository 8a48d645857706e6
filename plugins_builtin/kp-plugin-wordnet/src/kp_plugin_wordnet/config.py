"""Options of the WordNet reader."""

from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, InputFolder

Relation = Literal[
    "also_see",
    "antonym",
    "attribute",
    "cause",
    "derivationally_related",
    "entailment",
    "has_region_member",
    "has_topic_member",
    "has_usage_member",
    "hypernym",
    "hyponym",
    "instance_hypernym",
    "instance_hyponym",
    "member_holonym",
    "member_meronym",
    "part_holonym",
    "part_meronym",
    "pertainym",
    "region_domain",
    "similar_to",
    "substance_holonym",
    "substance_meronym",
    "topic_domain",
    "usage_domain",
    "verb_group",
]


class WordNetConfig(ComponentConfig):
    """Where the database is, and which pointers are read."""

    path: Annotated[InputFolder, Field(validate_default=True)] = Field(
        "/usr/share/wordnet", description="Folder with data.noun, index.noun and so on."
    )
    relations: list[Relation] | None = Field(
        None, description="Only pointers of these kinds are read; null reads all, [] none."
    )
    exclude_relations: list[Relation] = Field(
        [], description="Pointers of these kinds are not read."
    )
    inverses: bool = Field(
        True,
        description="Whether a pair of synsets that point at each other by the same or by inverse "
        "relations gives two triples, or one: the hypernym without the hyponym, the holonym "
        "without the meronym, the domain without its members, one of two equal pointers. A kind "
        "whose inverse is not read stays. For entity embeddings by translation one tells more.",
    )
    inflections: bool = Field(
        False,
        description="Whether the inflected forms of a lemma are aliases of its synsets: said, "
        "children, called for. A prior is then the share among all senses that are written so.",
    )
