"""Options of the backbones."""

import os
import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from kpframework.api import ComponentConfig

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def _folder_or_hub_id(value: str, info: ValidationInfo) -> str:
    path = Path((info.context or {}).get("base", ".")) / Path(os.path.expanduser(value))
    # Unlike Path.is_dir, this is false, not an error, for a name the file system refuses.
    if os.path.isdir(path):
        return str(path.resolve())
    if not _HUB_ID.fullmatch(value):
        raise PydanticCustomError(
            "kp_missing_path", "no {what} at {path}", {"what": "folder", "path": str(path)}
        )
    return value


class HubConfig(ComponentConfig):
    """Options of a model from a folder or the hub."""

    model: Annotated[str, AfterValidator(_folder_or_hub_id)] = Field(
        min_length=1,
        description="A folder, relative to the spec, with config, safetensors weights and "
        "tokenizer; or an id of the hub, such as bert-base-uncased. A folder comes first.",
    )
    revision: str | None = Field(
        None,
        min_length=1,
        description="Commit, branch or tag of the hub; null is the main branch. A commit pins it.",
    )

    @model_validator(mode="after")
    def _revision_is_of_the_hub(self) -> Self:
        if self.revision is not None and Path(self.model).is_absolute():
            raise PydanticCustomError(
                "kp_folder_revision",
                "'revision' is of a model of the hub, but {path} is a folder",
                {"path": self.model},
            )
        return self


class MiniLMConfig(ComponentConfig):
    """The packaged model has no options."""
