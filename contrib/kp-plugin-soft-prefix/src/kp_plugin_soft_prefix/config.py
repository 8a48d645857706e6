"""Options of the soft prefix."""

from typing import Annotated

from pydantic import Field

from kpframework.api import ComponentConfig, ComponentRef, Ref, StageConfig


class SoftPrefixConfig(ComponentConfig):
    """Options of the soft prefix."""

    mapper: Annotated[ComponentRef, Ref("mapper")] = Field(
        ComponentRef(type="linear"), description="From entity vectors to the host's input."
    )
    train: StageConfig = Field(description="Which objective trains the mapper, and how.")
