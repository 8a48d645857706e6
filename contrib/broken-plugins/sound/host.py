"""A sound adaptation."""

from kpframework.api import Adaptation, TrainConfig


class Target(Adaptation):
    """Trains everything."""

    @property
    def train(self):
        """Options of the loop."""
        return TrainConfig(epochs=1)

    def prepare(self, model, new=()):
        """Give every parameter a gradient."""
        return model.requires_grad_(True)
