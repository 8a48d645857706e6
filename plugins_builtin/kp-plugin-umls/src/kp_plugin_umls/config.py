"""Options of the Metathesaurus reader."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig, DataFolder

Flag = Literal["N", "O", "E", "Y"]


class UmlsConfig(ComponentConfig):
    """Where the Metathesaurus is, and what of it is read."""

    meta: DataFolder = Field(
        description="The META folder of an installed release or subset; files may end in .gz."
    )
    sources: list[str] | None = Field(
        None,
        min_length=1,
        description="Source vocabularies (SAB) whose names, definitions and relations are read; "
        "null reads all. A concept none of whose names is read is no entity.",
    )
    without_sources: list[str] = Field([], description="Source vocabularies that are not read.")
    restriction_levels: list[int] | None = Field(
        None,
        min_length=1,
        description="Only vocabularies of these source restriction levels (SRL) are read, such as "
        "[0] for those without restrictions of their own; null reads all.",
    )
    languages: list[str] = Field(
        ["ENG"],
        min_length=1,
        description="Languages (LAT) of the names; an entity's name is in the first that has one.",
    )
    types: list[str] | None = Field(
        None,
        min_length=1,
        description="Only concepts of these semantic types are entities, each given as its TUI "
        "(T047) or its name (Disease or Syndrome); null reads all.",
    )
    type_labels: Literal["name", "tui"] = Field(
        "name", description="Whether an entity's types are names or TUIs."
    )
    suppress: list[Flag] = Field(
        ["N"],
        min_length=1,
        description="Values of SUPPRESS that are read, of names, definitions and relations alike; "
        "N is not suppressible, O obsolete, E and Y suppressed by an editor or by term type.",
    )
    relations: list[str] | None = Field(
        None,
        description="Only triples whose RELA or REL is among these are read; null reads all, an "
        "empty list none.",
    )
    without_relations: list[str] = Field(
        ["XR", "DEL"],
        description="RELA or REL of triples that are not read; XR says that there is no relation.",
    )
    asserted_only: bool = Field(
        False,
        description="Whether a row that says it is not in its source's direction (DIR is N) is "
        "left out; without this most relations come with their inverse.",
    )
    codes: list[str] = Field(
        [],
        description="Source vocabularies (SAB) whose codes become further ids of an entity, as "
        "SAB:code (MSH:D003920).",
    )
    definition_sources: list[str] | None = Field(
        None,
        min_length=1,
        description="Source vocabularies whose definitions are read, the most wanted first; null "
        "reads the first definition of the file.",
    )
    on_bad_line: Literal["error", "skip"] = Field(
        "error", description="Whether a malformed line ends the run, or is left out and counted."
    )
    release: str = Field(
        "", description="Release for the record, where the folder does not say it (release.dat)."
    )
