"""Options of the key/value injection."""

from pydantic import Field

from kpframework.api import ComponentConfig, StageConfig, outside_layers


class KVKnowledgeConfig(ComponentConfig):
    """Options of the key/value injection."""

    every: int = Field(1, ge=1, description="Every how many layers have knowledge.")
    first: int = Field(0, description="First of them; negative counts from the end.")
    train: StageConfig = Field(description="Which objective trains the maps, and how.")

    def misfits(self, model):
        """Return whether the first layer is none of the model's."""
        return outside_layers(model, "first", self.first)
