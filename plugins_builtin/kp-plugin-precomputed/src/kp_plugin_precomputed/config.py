"""Options of vectors trained elsewhere."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig, InputFile, unpacked_suffix

FORMATS = {
    ".npy": "npy",
    ".safetensors": "safetensors",
    ".h5": "hdf5",
    ".hdf5": "hdf5",
    ".txt": "word2vec-text",
    ".vec": "word2vec-text",
    ".tsv": "word2vec-text",
    ".bin": "word2vec-binary",
}
WITH_IDS = ("word2vec-text", "word2vec-binary")
PICKLES = (".pkl", ".pickle", ".pt", ".pth", ".ckpt")


class PrecomputedConfig(ComponentConfig):
    """The files, and how the ids are written."""

    path: InputFile = Field(
        description="Vectors, a row an entity: .npy, .safetensors, .h5 (PBG), .txt or .vec "
        "(word2vec text), .tsv (an id and numbers), .bin (word2vec); text and .bin "
        "packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    format: Literal["npy", "safetensors", "hdf5", "word2vec-text", "word2vec-binary"] | None = (
        Field(None, description="Format of the vectors; null goes by the file's name.")
    )
    ids: InputFile | None = Field(
        None,
        description="Which row is which entity: OpenKE's entity2id.txt, DGL-KE's entities.tsv, "
        "PyKEEN's entity_to_id.tsv.gz, a list, or JSON. Not for word2vec files, which say it "
        "themselves.",
    )
    ids_format: Literal["auto", "openke", "row-id", "id-row", "list", "json"] = Field(
        "auto",
        description="'row-id' and 'id-row' are two columns between tabs, with or without a header. "
        "'auto' is 'json' for a .json file, 'openke' where the first line is a number alone, two "
        "columns where the first line has a tab and one of them is a number, and 'list' otherwise.",
    )
    more_paths: list[InputFile] = Field(
        [], description="Further files of vectors, such as PBG's other partitions, in order."
    )
    more_ids: list[InputFile] = Field(
        [], description="The ids of each of those files; none for word2vec."
    )
    tensor: str | None = Field(
        None,
        description="Name of the tensor in a .safetensors or .h5 file; null where there is only "
        "one, or one called 'embeddings'.",
    )

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for path in (self.path, *self.more_paths):
            if unpacked_suffix(path) in PICKLES:
                raise ValueError(
                    f"{Path(path).name} is a pickle, which is not opened, it can run code: in the "
                    "environment it was made in, save the entity vectors with numpy.save or "
                    "safetensors (the plugin's README shows it for PyKEEN)"
                )
            if self.format is None and unpacked_suffix(path) not in FORMATS:
                raise ValueError(
                    f"the format of {Path(path).name} is not known by its name: set 'format'"
                )
        if self.layout in WITH_IDS:
            if self.ids is not None or self.more_ids:
                raise ValueError("a word2vec file holds its ids: leave out 'ids'")
        elif self.ids is None or len(self.more_ids) != len(self.more_paths):
            raise ValueError("'ids' is needed, and one of 'more_ids' for each of 'more_paths'")
        return self

    @property
    def layout(self) -> str:
        """The format of all files."""
        return self.format or FORMATS[unpacked_suffix(self.path)]
