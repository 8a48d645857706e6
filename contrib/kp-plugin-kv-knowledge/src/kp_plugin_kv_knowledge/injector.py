"""Entities as keys and values in the host's own attention."""

import torch

from kpframework.api import Anchor, StagedInjector


class KeyValue(torch.nn.Module):
    """Linear maps from an entity vector to a key and a value of one layer."""

    def __init__(self, source, heads, width):
        super().__init__()
        self.shape = (heads, width)
        self.scale = 1 / max(source.rms, 1e-12)
        self.key = torch.nn.Linear(source.dim, heads * width)
        self.value = torch.nn.Linear(source.dim, heads * width)

    def forward(self, entities):
        """Return keys and values, shape (unique entities, heads, head width) each."""
        vectors = entities.vectors * self.scale
        return tuple(part(vectors).unflatten(1, self.shape) for part in (self.key, self.value))


class KVKnowledge(StagedInjector):
    """After KBLaM: knowledge tokens without a position, in one softmax with the text's own."""

    whole_text = True

    def edits(self, segment, mentions):
        """Say which entities a text has; nothing is inserted."""
        return [Anchor(m.start, m.end, m.entity) for m in mentions]

    def build(self, source, host):
        """Return two linear maps for each chosen layer."""
        maps = {str(i): KeyValue(source, *host.attention_shape(i)) for i in self._chosen(host)}
        return torch.nn.ModuleDict(maps)

    def patch(self, host, module):
        """Let the chosen layers' tokens attend to the entities."""
        for index, key_value in module.items():
            host.attention(int(index), key_value)

    def _chosen(self, host):
        return range(self.config.first % host.layers, host.layers, self.config.every)
