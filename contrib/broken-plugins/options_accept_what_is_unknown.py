"""Ignores options it does not have, so that a typing error changes nothing and says nothing."""

from pydantic import ConfigDict, Field

from kpframework.api import ComponentConfig

from .sound import Target as Target


class Config(ComponentConfig):
    """Loose options."""

    model_config = ConfigDict(extra="ignore")

    size: int = Field(3, description="How many.")
