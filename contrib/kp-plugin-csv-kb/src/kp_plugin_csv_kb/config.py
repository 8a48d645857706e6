"""Options of the two components."""

from pydantic import Field

from kpframework.api import ComponentConfig, InputFile


class CsvConfig(ComponentConfig):
    """Which file, and what its columns are called."""

    path: InputFile = Field(description="A CSV file whose first line names its columns; UTF-8.")
    subject: str = Field("subject", description="Column of the head's id.")
    predicate: str = Field("predicate", description="Column of the relation.")
    object: str = Field("object", description="Column of the tail's id.")
    subject_label: str | None = Field(
        None, description="Column of the head's name; null: an entity's name is its id."
    )
    object_label: str | None = Field(None, description="Column of the tail's name; null as above.")
    delimiter: str = Field(
        ",", min_length=1, max_length=1, description="Character between columns."
    )


class ResidualMLPConfig(ComponentConfig):
    """Size of the network."""

    hidden: int = Field(512, ge=1, description="Width inside a block.")
    blocks: int = Field(2, ge=1, description="Residual blocks after the affine map.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Dropout inside a block.")
