"""Options of vectors trained elsewhere."""

from typing import Literal

from pydantic import Field

from kpframework.api import ComponentConfig, InputFile


class PrecomputedConfig(ComponentConfig):
    """The two files, and how the ids are written."""

    path: InputFile = Field(description="Matrix of floats, a row an entity: .npy or .safetensors.")
    ids: InputFile = Field(description="Which row is which entity: entity2id.txt, a list, or JSON.")
    ids_format: Literal["auto", "openke", "list", "json"] = Field(
        "auto",
        description="'auto' is 'json' for a .json file, 'openke' where the first line is a number "
        "alone, and 'list' otherwise.",
    )
    tensor: str | None = Field(
        None, description="Name of the tensor in a .safetensors file; null where it has only one."
    )
