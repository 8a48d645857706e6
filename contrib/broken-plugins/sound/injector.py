"""A sound injector: one mapped slot before each mention."""

import torch

from kpframework.api import Injector, TrainConfig, slot_edit


class Target(Injector):
    """The smallest map-tuning."""

    @property
    def stage(self):
        """Trained by the task's loss."""
        return "task"

    def edits(self, segment, mentions):
        """Return a slot for each mention."""
        return [slot_edit(mention, "concat") for mention in mentions]

    def build(self, source, host):
        """Return the map."""
        return torch.nn.Linear(source.dim, host.width)

    def patch(self, host, module):
        """Overwrite the slots."""
        host.input_embeddings(lambda output, entities: entities.overwrite(output, module))

    def fit(self, session):
        """Train one epoch."""
        session.task(TrainConfig(epochs=1))
