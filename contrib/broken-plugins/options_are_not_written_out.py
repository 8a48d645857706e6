"""Refuses its own default where it is written out."""

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig

from .sound import Target as Target


class Config(ComponentConfig):
    """Options that look at how they were given."""

    size: int = Field(3, description="How many.")

    @model_validator(mode="after")
    def _not_given(self):
        if "size" in self.model_fields_set:
            raise ValueError("size is not to be given")
        return self
