"""Options of the spaCy linker."""

from pydantic import Field

from kpframework.api import ComponentConfig, IdSpace, InputFolder


class SpacyConfig(ComponentConfig):
    """Which pipeline, and what of it is used."""

    pipeline: InputFolder = Field(description="Folder that nlp.to_disk wrote.")
    id_space: IdSpace = None
    labels: tuple[str, ...] | None = Field(
        None, description="Only entities with one of these labels are used; null uses all."
    )
    batch_size: int = Field(64, ge=1, description="Texts the pipeline processes at a time.")
