"""Options of the triple reader."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from kpframework.api import ComponentConfig, InputFile

PARTS = ("head", "relation", "tail")


def _has_each_part(columns: list[str]) -> list[str]:
    if any(columns.count(part) != 1 for part in PARTS):
        raise ValueError("must name 'head', 'relation' and 'tail', each once")
    return columns


class TriplesConfig(ComponentConfig):
    """Which files, and how they are laid out."""

    paths: list[InputFile] = Field(min_length=1, description="The files, read one after another.")
    columns: Annotated[list[str], AfterValidator(_has_each_part)] = Field(
        ["head", "relation", "tail"],
        description="What each column of a file is, in order; a column with any name but 'head', "
        "'relation' and 'tail' is not read.",
    )
    header: bool = Field(False, description="Whether the first line holds column names.")
    delimiter: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="Character between columns; null is ',' in a .csv, a tab in any other file.",
    )
    on_bad_line: Literal["error", "skip"] = Field(
        "error", description="Whether a malformed line ends the run, or is left out and counted."
    )
    labels: InputFile | None = Field(
        None,
        description="JSON of id to label, or to an object with 'label', 'alternatives' and "
        "'description'; or TSV of id and label.",
    )
    labels_id: str | None = Field(
        None, description="Field of a JSON label that holds the entity's id; null: it is the key."
    )
    aliases: InputFile | None = Field(None, description="TSV: an id, then any number of aliases.")
    release: str = Field("", description="Release of the data, for the record.")
    licence: str = Field("", description="Licence of the data, for the record.")
