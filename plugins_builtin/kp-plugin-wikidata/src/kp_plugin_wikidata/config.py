"""Options of the readers."""

from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, DataFolder, InputFile

Item = Annotated[str, Field(pattern=r"^Q[1-9]\d*$")]
Property = Annotated[str, Field(pattern=r"^P[1-9]\d*$")]
OnBadLine = Literal["error", "skip"]

_BAD_LINE = "Whether a malformed line ends the run, or is left out and counted."
_RELEASE = "Release of the data, such as the dump's date, for the record."


class DumpConfig(ComponentConfig):
    """Which items, statements and texts of a dump are read."""

    path: InputFile = Field(
        description="The dump, one entity a line, packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    properties: list[Property] | None = Field(
        None,
        description="Properties whose statements are triples (P31); null reads all whose values "
        "are items, an empty list none.",
    )
    without_properties: list[Property] = Field(
        [], description="Properties whose statements are no triples."
    )
    types: list[Item] | None = Field(
        None,
        min_length=1,
        description="Only items that are an instance (P31) of one of these classes are entities; "
        "null reads all items.",
    )
    ranks: Literal["not-deprecated", "best"] = Field(
        "not-deprecated",
        description="Which statements are read: all but deprecated ones, or of each property the "
        "preferred ones, and the normal ones where none is preferred.",
    )
    tails: Literal["read", "any"] = Field(
        "read",
        description="Whether a triple needs a tail that is an entity, or makes one without a name "
        "of a tail that is not read.",
    )
    languages: list[str] = Field(
        ["en", "mul"],
        min_length=1,
        description="Languages of labels, aliases and descriptions; the first that has one gives "
        "the name and the description.",
    )
    labelled_only: bool = Field(
        False, description="Whether items without a label in these languages are left out."
    )
    relations: Literal["id", "label"] = Field(
        "id",
        description="Whether relations are called by their ids, or by the labels that the dump's "
        "properties have (a label of several properties with the id behind it).",
    )
    xrefs: dict[Property, str] = Field(
        {},
        description="Properties whose identifiers are further ids of an item, and the id space of "
        'each: {"P2892": "UMLS"} gives UMLS:C0004096.',
    )
    on_bad_line: OnBadLine = Field("error", description=_BAD_LINE)
    release: str = Field("", description=_RELEASE)


class Wikidata5mConfig(ComponentConfig):
    """Which files of Wikidata5M are read."""

    triples: list[InputFile] = Field(
        min_length=1, description="Files of Q, P, Q between tabs, read one after another."
    )
    names: InputFile | None = Field(
        None, description="A line an entity: its id, its name, its aliases, between tabs."
    )
    text: InputFile | None = Field(None, description="A line an entity: its id, a tab, a text.")
    relation_names: InputFile | None = Field(
        None,
        description="A line a relation: its id, its name, its aliases; triples then have the names "
        "(a name of several relations with the id behind it).",
    )
    on_bad_line: OnBadLine = Field("error", description=_BAD_LINE)
    release: str = Field("", description=_RELEASE)
    licence: str = Field("", description="Licence of the data, for the record.")


class OpenKEConfig(ComponentConfig):
    """Which folder is read, and which of its splits."""

    folder: DataFolder = Field(
        description="The folder with entity2id.txt, relation2id.txt and the triples."
    )
    splits: list[Literal["train", "valid", "test"]] = Field(
        ["train", "valid", "test"],
        min_length=1,
        description="Which files of triples are read: train is train2id.txt.",
    )
    release: str = Field("", description=_RELEASE)
    licence: str = Field("", description="Licence of the data, for the record.")


class CodexConfig(ComponentConfig):
    """Which files of CoDEx are read."""

    triples: list[InputFile] = Field(
        min_length=1, description="Files of head, relation, tail between tabs."
    )
    entities: InputFile | None = Field(
        None, description="JSON of id to an object with 'label' and 'description'."
    )
    relations: InputFile | None = Field(
        None,
        description="JSON of id to an object with 'label'; triples then have the labels (a label "
        "of several relations with the id behind it).",
    )
    types: InputFile | None = Field(None, description="JSON of an entity's id to its types' ids.")
    type_labels: InputFile | None = Field(
        None, description="JSON of a type's id to an object with 'label'; null shows the ids."
    )
    on_bad_line: OnBadLine = Field("error", description=_BAD_LINE)
    release: str = Field("", description=_RELEASE)
